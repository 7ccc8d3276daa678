"""How soon the report of a GMB test part opens in a browser, and what writing it takes.

    python benchmarks/report.py --shared ../shared

The sentences are the first 4,688 of GMB's full zip that ``nomina`` keeps when it drops repeated ones, a tenth of the
corpus. The predictions are the gold with mistakes of every kind, drawn at random so that F1 is about 0.82, and with
confidences; training named the mentions of the next 20,000 sentences. Everything after that is the product's own:
scores, analysis, figures and page. Writes ``report.json``: medians over ``--rounds`` fresh chromium profiles of the
time from the start of the navigation to the load event, and until the browser of errors can be used. Needs chromium and
``pip install playwright``. The script stops with 1 where the median is not under 2 s.
"""

from __future__ import annotations

import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from common import arguments, save_json
from nomina.data.cleaning import clean
from nomina.data.corpus import Corpus
from nomina.data.formats import read
from nomina.data.records import Sentence, Span
from nomina.data.tags import Scheme, read_spans
from nomina.inference import Prediction
from nomina.judging import Judged
from nomina.runs import write_judged
from nomina.scoring import score
from nomina.scoring.analysis import analyse
from nomina.scoring.mentions import seen_mentions

RESULTS = Path(__file__).with_name("report.json")
N_SENTENCES, N_TRAINING = 4_688, 20_000
SEED = 13
LIMIT_S = 2.0

# How many gold entities in a hundred suffer what; the others are found as they are.
MISTAKES = {"type": 8, "boundary": 5, "both": 1, "missed": 4}
SPURIOUS_PER_SENTENCE = 0.11

Place = tuple[int, int]


def main() -> None:
    parser = arguments(__doc__, has_work=False)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    corpus = clean(read(args.shared / "data" / "gmb" / "ner_dataset.csv.zip"), drop_duplicates=True).corpus
    load = os.getloadavg()[0]
    start = time.perf_counter()
    judged = judge(corpus[:N_SENTENCES], corpus[N_SENTENCES : N_SENTENCES + N_TRAINING])
    judged_s = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        path = write_judged(judged, Path(folder), None)["report"]
        written_s = time.perf_counter() - start
        rounds, browser = open_often(path, args.rounds)
        megabytes = path.stat().st_size / 1e6
    n_errors = sum(sentence.n_errors for sentence in judged.errors())
    medians = {name: round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}
    content = {
        "command": "python benchmarks/report.py --shared ../shared",
        "conditions": {
            "python": platform.python_version(),
            "playwright": version("playwright"),
            "chromium": browser,
            "cpus": os.cpu_count(),
            "rounds": args.rounds,
            "load_before": round(load, 1),
            "load_after": round(os.getloadavg()[0], 1),
            "others": "other programs ran beside it" if load > 0.5 else "nothing else ran",
        },
        "report": {
            "sentences": len(judged.gold),
            "words": judged.gold.n_words,
            "entities": judged.default.micro.n_gold,
            "f1": round(judged.default.f1, 4),
            "wrong_sentences": sum(1 for _ in judged.errors()),
            "errors": n_errors,
            "megabytes": round(megabytes, 2),
        },
        "scoring_and_analysis_s": round(judged_s, 2),
        "writing_s": round(written_s, 2),
        "opening_median_s": medians,
        "opening_slowest_s": {name: round(max(one[name] for one in rounds), 3) for name in rounds[0]},
        "limit_s": LIMIT_S,
    }
    save_json(args.results, content)
    print(json.dumps(content, indent=2))
    sys.exit(medians["usable"] >= LIMIT_S)


def judge(gold: Corpus, training: Corpus) -> Judged:
    """Predictions with mistakes, scored and analysed as those of a model are."""
    draw = random.Random(SEED)
    types = sorted(gold.stats().types)
    predictions = [predict(sentence, types, draw) for sentence in gold]
    tags, found = [s.labels or () for s in gold], [p.labels for p in predictions]
    mentions, borders = seen_mentions(training), [()] * len(gold)
    spans = [p.spans for p in predictions]
    analysis = analyse(gold.sentences, found, spans, temperature=1.5, mentions=mentions, borders=borders)
    evaluation = score(tags, found, gold.scheme or Scheme.IOB2)
    return Judged(evaluation, analysis, predictions, gold, mentions=mentions, borders=list(borders))


def predict(sentence: Sentence, types: Sequence[str], draw: random.Random) -> Prediction:
    """What a model would say whose mistakes are those above."""
    gold = {(span.start, span.end): span.label for span in read_spans(sentence.labels or (), Scheme.IOB2).spans}
    taken = {i for start, end in gold for i in range(start, end)}
    found: dict[Place, str] = {}
    for place, label in gold.items():
        (mistake,) = draw.choices([*MISTAKES, "none"], [*MISTAKES.values(), 100 - sum(MISTAKES.values())])
        if mistake == "missed":
            continue
        other = draw.choice([name for name in types if name != label])
        moved = move(place, len(sentence), taken) if mistake in ("boundary", "both") else place
        found[moved] = other if mistake in ("type", "both") else label
    free = [i for i in range(len(sentence)) if i not in taken]
    if free and draw.random() < SPURIOUS_PER_SENTENCE:
        start = draw.choice(free)
        found[start, start + 1] = draw.choice(types)
    tags = ["O"] * len(sentence)
    spans = []
    for (start, end), label in sorted(found.items()):
        tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
        is_right = gold.get((start, end)) == label
        spans.append(Span(label, start, end, score=draw.betavariate(9, 1) if is_right else draw.betavariate(3, 2)))
    return Prediction(sentence, tuple(tags), tuple(spans), sentence.features.get("pos"))


def move(place: Place, n_words: int, taken: set[int]) -> Place:
    """The same with a word less, or with a word more that no other entity has."""
    start, end = place
    if end - start > 1:
        return start + 1, end
    after, before = end, start - 1
    if after < n_words and after not in taken:
        taken.add(after)
        return start, end + 1
    if before >= 0 and before not in taken:
        taken.add(before)
        return before, end
    return place


def open_often(path: Path, n_rounds: int) -> tuple[list[dict[str, float]], str]:
    """Seconds of each opening, each in a profile of its own; and the browser's version."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("needs chromium (Debian: apt-get install chromium)")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []  # its sandbox refuses to run as root
    rounds = []
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=options)
        for _ in range(n_rounds):
            page = browser.new_page()
            start = time.perf_counter()
            page.goto(path.as_uri())
            page.wait_for_selector("#error-browser:not([hidden]) .card")
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")  # it is drawn
            usable = time.perf_counter() - start
            loaded: Any = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
            rounds.append({"load_event": loaded / 1000, "usable": usable})
            page.close()
        return rounds, browser.version


if __name__ == "__main__":
    main()
