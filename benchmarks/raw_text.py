"""Raw text cut into sentences and words: how well, how fast, and beside which other libraries.

    python benchmarks/raw_text.py --shared ../shared [--others FOLDER]

Gold are the sentences of GMB (ten of them at a time), of the sample corpus (by document) and of UNER English EWT (by
paragraph, dev and test), joined with spaces. The texts of GMB and of the sample are put together from their words;
EWT's are its own, and are full of titles and signatures that end without a stop. Writes ``raw_text.json``: borders
between sentences that are found, words that begin and end as in the corpus, and words a second. ``--others`` is a
folder of packages (``pip install --target FOLDER pysbd syntok nltk``) to set beside; nltk's Punkt without its data.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from common import arguments, save_json
from nomina.data import Sentence, read
from nomina.data import sentence as cut_words
from nomina.data.raw import sentences, stream_sentences

RESULTS = Path(__file__).with_name("raw_text.json")
Cut = Callable[[str], Iterable[int]]


class Text(NamedTuple):
    """Sentences put together: the text, where each but the first begins, and where each of all words stands."""

    text: str
    starts: set[int]
    words: set[tuple[int, int]]


def main() -> None:
    parser = arguments(__doc__, has_work=False)
    parser.add_argument("--others", type=Path)
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    corpora = texts(args.shared / "data")
    cuts: dict[str, Cut] = {"nomina": lambda text: [s.start_char for s in sentences(text)], "spacy": spacy_starts()}
    if args.others:
        sys.path.append(str(args.others))
        cuts |= others()
    content = {
        "command": "python benchmarks/raw_text.py --shared ../shared --others FOLDER",
        "conditions": {"python": platform.python_version(), **versions(cuts)},
        "borders": {
            name: {corpus: borders(cut, found) for corpus, found in corpora.items()} for name, cut in cuts.items()
        },
        "words_f1": {
            name: {c: words_f1(cut, found) for c, found in corpora.items()} for name, cut in cutters().items()
        },
        "words_per_s": speed(corpora["gmb"]),
    }
    save_json(args.results, content)
    print(json.dumps(content, indent=2))


def versions(cuts: Iterable[str]) -> dict[str, str]:
    return {name: version(name) for name in ["spacy", *(set(cuts) - {"nomina", "spacy"})]}


def texts(data: Path) -> dict[str, list[Text]]:
    """The corpora as running text."""
    gmb = list(read(data / "gmb" / "ner_dataset.csv.zip"))
    paragraphs = [run for part in ("dev", "test") for run in ewt_paragraphs(data / "uner-en-ewt" / f"{part}.conllu")]
    return {
        "sample": [joined(run) for run in by_document(read("sample"))],
        "gmb": [joined(gmb[i : i + 10]) for i in range(0, len(gmb), 10)],
        "ewt": [joined(run) for run in paragraphs],
    }


def ewt_paragraphs(path: Path) -> Iterator[Sequence[Sentence]]:
    corpus = read(path)
    starts, n = [], 0
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# newpar"):
            starts.append(n)
        n += line.startswith("# text = ")
    yield from (corpus.sentences[a:b] for a, b in pairwise([*starts, n]))


def by_document(items: Iterable[Sentence]) -> Iterable[Sequence[Sentence]]:
    found: dict[str | None, list[Sentence]] = {}
    for sentence in items:
        found.setdefault(sentence.document, []).append(sentence)
    return found.values()


def joined(run: Sequence[Sentence]) -> Text:
    text, starts, words = "", set(), set()
    for sentence in run:
        own = sentence if sentence.offsets() is not None else Sentence(sentence.words, text=prose(sentence.words))
        text += " " if text else ""
        starts.add(len(text))
        words |= {(len(text) + a, len(text) + b) for a, b in own.offsets() or ()}
        text += own.text or ""
    return Text(text, starts - {0}, words)


def prose(words: Iterable[str]) -> str:
    """Words as people write them: quotes by turns, marks at the word before or behind them."""
    text, glued, quoted = "", True, False
    for word in words:
        closes = quoted if word == '"' else word in {*",.;:?!%)]", "...", "n't"} or word.startswith("'")
        quoted ^= word == '"'
        text += word if closes or glued else f" {word}"
        glued = not closes and word in {*'"([$#\u00a3', "``"}
    return text


def spacy_starts() -> Cut:
    """Where spaCy's own rules begin sentences."""
    import spacy

    nlp: Any = spacy.blank("en")
    nlp.add_pipe("sentencizer")

    def starts(text: str) -> Iterator[int]:
        for span in nlp(text).sents:
            yield from [token.idx for token in span if not token.is_space][:1]

    return starts


def others() -> dict[str, Cut]:
    pragmatic = import_module("pysbd").Segmenter(language="en", clean=False, char_span=True)
    punkt = import_module("nltk.tokenize.punkt").PunktSentenceTokenizer()
    segmenter = import_module("syntok.segmenter")
    return {
        "pysbd": lambda text: [span.start for span in pragmatic.segment(text)],
        "syntok": lambda text: [s[0].offset for paragraph in segmenter.analyze(text) for s in paragraph],
        "nltk": lambda text: [start for start, _ in punkt.span_tokenize(text)],
    }


def borders(cut: Cut, corpus: Sequence[Text]) -> dict[str, float]:
    n_both = n_found = n_gold = 0
    start = time.process_time()
    for text, gold, _ in corpus:
        found = set(cut(text)) - {0}
        n_both, n_found, n_gold = n_both + len(found & gold), n_found + len(found), n_gold + len(gold)
    seconds = time.process_time() - start
    n_chars = sum(len(text.text) for text in corpus)
    return {
        "precision": round(n_both / n_found, 4),
        "recall": round(n_both / n_gold, 4),
        "n_gold": n_gold,
        "chars_per_s": round(n_chars / seconds),
    }


def cutters() -> dict[str, Callable[[str], set[tuple[int, int]]]]:
    """Ways to cut a text into words, as places in it."""
    import spacy

    nlp = spacy.blank("en")
    return {
        "nomina": lambda text: {s.in_whole(pair) for s in sentences(text) for pair in s.offsets() or ()},
        "spacy": lambda text: {(t.idx, t.idx + len(t)) for t in nlp(text) if not t.is_space},
        "nomina.data.text": lambda text: set(cut_words(text).offsets() or ()),
    }


def words_f1(cut: Callable[[str], set[tuple[int, int]]], corpus: Sequence[Text]) -> float:
    pairs = [(cut(text.text), text.words) for text in corpus]
    return round(2 * sum(len(a & b) for a, b in pairs) / sum(len(a) + len(b) for a, b in pairs), 4)


def speed(corpus: Sequence[Text], rounds: int = 3) -> int:
    """Words a second of the stream of one long text, the best of some rounds, one thread."""
    whole = "\n\n".join(text.text for text in corpus)
    n_words, times = 0, []
    for _ in range(rounds):
        start = time.process_time()
        n_words = sum(map(len, stream_sentences([whole])))
        times.append(time.process_time() - start)
    return round(n_words / min(times))


if __name__ == "__main__":
    main()
