"""Speed of counting entities on GMB's full zip, beside seqeval and nervaluate, on one core.

    python benchmarks/matching.py --shared ../shared

Gold are the corpus's tags; in the predictions, one word in twenty has a tag drawn at random, so that every kind of
error and of illegal transition occurs. Writes ``matching.json``: gold words per second of CPU time of one thread, tags
as lists of strings in, counts out; medians over ``--rounds`` for ours, one round for the others, nervaluate on the
first tenth of the sentences. All count the same: the script stops where the figures differ.
"""

from __future__ import annotations

import platform
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from common import arguments, save_json
from nomina.data.formats import read
from nomina.data.tags import Scheme
from nomina.scoring import Evaluation, score, sentence_counts
from nomina.scoring.matching import count_by_type
from nomina.scoring.spans import code_tags, read_corpus

RESULTS = Path(__file__).with_name("matching.json")
SHARE_OF_NOISE = 0.05
SEED = 13
SHARE_FOR_NERVALUATE = 0.1

Tags = list[list[str]]


def main() -> None:
    parser = arguments(__doc__, has_work=False)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    corpus = read(args.shared / "data" / "gmb" / "ner_dataset.csv.zip")
    gold = [list(sentence.labels or ()) for sentence in corpus.sentences]
    predicted = add_noise(gold)
    n_words = sum(map(len, gold))
    evaluation = score(gold, predicted)
    ours: dict[str, Callable[[], object]] = {
        "default and strict counts": lambda: count(gold, predicted),
        "default counts by sentence": lambda: sentence_counts(gold, predicted),
        "whole score(): counts, four modes, both confusions": lambda: score(gold, predicted),
    }
    speeds = {name: n_words / statistics.median(cpu_s(run) for _ in range(args.rounds)) for name, run in ours.items()}
    speeds["seqeval, default and strict"] = n_words / cpu_s(lambda: ask_seqeval(gold, predicted, evaluation))
    n_few = int(SHARE_FOR_NERVALUATE * len(gold))
    few, few_predicted = gold[:n_few], predicted[:n_few]
    nervaluate_s = cpu_s(lambda: ask_nervaluate(few, few_predicted, score(few, few_predicted)))
    speeds["nervaluate, four modes"] = sum(map(len, few)) / nervaluate_s
    packages = {name: version(name) for name in ("numpy", "seqeval", "nervaluate")}
    content: dict[str, Any] = {
        "command": "python benchmarks/matching.py --shared ../shared",
        "conditions": {
            "python": platform.python_version(),
            **packages,
            "threads": 1,
            "rounds": args.rounds,
            "sentences": len(gold),
            "words": n_words,
            "gold_entities": evaluation.default.micro.n_gold,
            "predicted_entities": evaluation.default.micro.n_predicted,
            "share_of_noise": SHARE_OF_NOISE,
        },
        "words_per_cpu_s": {name: round(speed) for name, speed in speeds.items()},
    }
    save_json(args.results, content)
    print(args.results.read_text(encoding="utf-8"))


def add_noise(gold: Tags) -> Tags:
    """Predictions: the gold tags, some of them replaced by any tag."""
    rng = np.random.default_rng(SEED)
    tags = sorted({tag for sentence in gold for tag in sentence})
    return [
        [
            tags[rng.integers(len(tags))] if x < SHARE_OF_NOISE else tag
            for tag, x in zip(s, rng.random(len(s)), strict=True)
        ]
        for s in gold
    ]


def cpu_s(run: Callable[[], object]) -> float:
    """Seconds of CPU time."""
    start = time.process_time()
    run()
    return time.process_time() - start


def count(gold: Tags, predicted: Tags) -> None:
    """Counts by type in both of seqeval's modes."""
    own, found = code_tags(gold, predicted)
    own_reading, reading = read_corpus(own, Scheme.IOB2), read_corpus(found, Scheme.IOB2)
    count_by_type(own_reading.default, reading.default, own.tag_set.types)
    count_by_type(own_reading.strict, reading.strict, own.tag_set.types)


def ask_seqeval(gold: Tags, predicted: Tags, ours: Evaluation) -> None:
    """Figures by type in both modes, the averages left out."""
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support
    from seqeval.metrics.v1 import precision_recall_fscore_support as strict
    from seqeval.scheme import IOB2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = (
            (ours.default, precision_recall_fscore_support(gold, predicted)),
            (ours.strict, strict(gold, predicted, scheme=IOB2)),
        )
    for scores, (_, _, f1, _) in both:
        np.testing.assert_allclose(f1, [counts.f1 for counts in scores.by_type.values()], rtol=0, atol=1e-12)


def ask_nervaluate(gold: Tags, predicted: Tags, ours: Evaluation) -> None:
    """Figures over all types and by type in the four modes."""
    from nervaluate import Evaluator

    types = list(ours.default.by_type)
    result = Evaluator(gold, predicted, tags=types, loader="list").evaluate()
    assert ours.modes is not None
    for name, theirs in {"strict": "strict", "exact": "exact", "partial": "partial", "type": "ent_type"}.items():
        mode = getattr(ours.modes, name)
        assert mode.overall.f1 == result["overall"][theirs].f1
        assert all(mode.by_type[of].f1 == result["entities"][of][theirs].f1 for of in types)


if __name__ == "__main__":
    main()
