"""Entities of whole corpora: seqeval reads 100,000 generated sequences, and conlleval's example has its figures."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import seqeval.scheme
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.metrics.sequence_labeling import get_entities

from nomina.data.tags import Scheme, read_spans
from nomina.errors import TagError
from nomina.scoring import Evaluation, Scores, score, sentence_counts
from nomina.scoring.spans import Spans, TagSet, code_tags, read_corpus, read_default

# Hyphens in, before and after a type: seqeval's strict mode takes those at the ends off, its default mode does not.
TYPES = ("geo", "per", "time-of-day", "-odd-", "odd", "-")
PREFIXES = {Scheme.IOB1: "IB", Scheme.IOB2: "BI", Scheme.BIOES: "BIES", Scheme.BILOU: "BILU"}
SEQEVAL = {
    Scheme.IOB1: seqeval.scheme.IOB1,
    Scheme.IOB2: seqeval.scheme.IOB2,
    Scheme.BIOES: seqeval.scheme.IOBES,
    Scheme.BILOU: seqeval.scheme.BILOU,
}
N_SEQUENCES = 100_000
Sentences = list[list[str]]
Entity = tuple[int, str, int, int]


def generate(scheme: Scheme, n_sentences: int, seed: int) -> tuple[Sentences, Sentences]:
    """Gold and predicted tags in which any tag may follow any other; a half of the words agree, a half of them O."""
    rng = np.random.default_rng(seed)
    tags = np.array(["O", *(f"{prefix}-{name}" for prefix in PREFIXES[scheme] for name in TYPES)])
    lengths = rng.integers(0, 9, n_sentences)
    n_words = int(lengths.sum())
    # Few types at a time, or hardly an I- would continue anything.
    narrow = np.repeat(rng.integers(0, len(TYPES), n_sentences), lengths)
    drawn = 1 + rng.integers(0, len(PREFIXES[scheme]), (2, n_words)) * len(TYPES) + narrow
    wide = rng.integers(0, len(tags), (2, n_words))
    gold, predicted = np.where(rng.random((2, n_words)) < 0.75, drawn, wide)
    predicted = np.where(rng.random(n_words) < 0.5, gold, predicted)
    borders = np.cumsum(lengths)[:-1]
    sides = ([part.tolist() for part in np.split(tags[ids], borders)] for ids in (gold, predicted))
    return next(sides), next(sides)


def entities(spans: Spans, tag_set: TagSet) -> list[Entity]:
    sentence, start, end, label = (column.tolist() for column in spans)
    return [
        (s, tag_set.types[name], first, last) for s, name, first, last in zip(sentence, label, start, end, strict=True)
    ]


def default_oracle(side: Sentences, scheme: Scheme) -> list[Entity]:
    if scheme is Scheme.BILOU:  # which the default mode does not know
        side = [[tag.replace("L-", "E-").replace("U-", "S-") for tag in tags] for tags in side]
    return [(i, name, start, last + 1) for i, tags in enumerate(side) for name, start, last in get_entities(tags)]


def strict_oracle(side: Sentences, scheme: Scheme) -> list[Entity]:
    found = seqeval.scheme.Entities(side, SEQEVAL[scheme]).entities
    return [entity.to_tuple() for of_sentence in found for entity in of_sentence]


@pytest.mark.parametrize("scheme", list(Scheme))
def test_entities_are_seqevals_on_100_000_sequences(scheme: Scheme) -> None:
    gold, predicted = generate(scheme, N_SEQUENCES // len(Scheme), seed=list(Scheme).index(scheme))
    for side, coded in zip((gold, predicted), code_tags(gold, predicted), strict=True):
        reading = read_corpus(coded, scheme)
        assert entities(reading.default, coded.tag_set) == default_oracle(side, scheme)
        assert entities(read_default(coded), coded.tag_set) == entities(reading.default, coded.tag_set)
        assert entities(reading.strict, coded.tag_set) == strict_oracle(side, scheme)
        n_invalid = sum(read_spans(tags, scheme).n_repairs > 0 for tags in side)
        assert 0 < reading.n_invalid == n_invalid < len(side)


def report(scores: Scores) -> dict[str, tuple[float, ...]]:
    return {
        **{name: (c.precision, c.recall, c.f1, c.support) for name, c in scores.by_type.items()},
        "micro avg": (scores.micro.precision, scores.micro.recall, scores.micro.f1, scores.micro.support),
        "macro avg": tuple(scores.macro),
        "weighted avg": tuple(scores.weighted),
    }


def seqeval_report(gold: Sentences, predicted: Sentences, **options: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = classification_report(gold, predicted, output_dict=True, zero_division=0, **options)
    names = ("precision", "recall", "f1-score", "support")
    return {name: pytest.approx([float(row[figure]) for figure in names], abs=1e-12) for name, row in rows.items()}


@pytest.mark.parametrize("scheme", list(Scheme))
def test_figures_are_seqevals_on_generated_corpora(scheme: Scheme) -> None:
    for seed in range(5):
        gold, predicted = generate(scheme, 500, seed=100 + seed)
        evaluation = score(gold, predicted, scheme)
        assert report(evaluation.strict) == seqeval_report(gold, predicted, mode="strict", scheme=SEQEVAL[scheme])
        if scheme is not Scheme.BILOU:
            assert report(evaluation.default) == seqeval_report(gold, predicted)


@pytest.mark.parametrize("scheme", list(Scheme))
@settings(deadline=None)
@given(data=st.data())
def test_any_sequence_reads_as_in_seqeval(scheme: Scheme, data: st.DataObject) -> None:
    tag = st.sampled_from(["O", *(f"{prefix}-{name}" for prefix in PREFIXES[scheme] for name in ("a", "b"))])
    side = data.draw(st.lists(st.lists(tag, max_size=14), max_size=4))
    coded, _ = code_tags(side, side)
    reading = read_corpus(coded, scheme)
    assert entities(reading.default, coded.tag_set) == default_oracle(side, scheme)
    assert entities(reading.strict, coded.tag_set) == strict_oracle(side, scheme)


def conlleval_example() -> Evaluation:
    text = Path(__file__).with_name("conlleval_example.txt").read_text(encoding="ascii")
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return score(lines[::2], lines[1::2])


def test_the_example_of_conlleval_has_its_published_figures() -> None:
    # processed 961 tokens with 459 phrases; found: 539 phrases; correct: 371.
    evaluation = conlleval_example()
    micro = evaluation.default.micro
    assert (evaluation.n_words, micro.n_gold, micro.n_predicted, micro.n_correct) == (961, 459, 539, 371)
    shown = {
        name: [round(100 * x, 2) for x in (c.precision, c.recall, c.f1)] + [c.n_predicted]
        for name, c in {**evaluation.default.by_type, "all": micro}.items()
    }
    assert shown == {
        "ADJP": [0.00, 0.00, 0.00, 1],
        "ADVP": [45.45, 62.50, 52.63, 11],
        "NP": [64.98, 78.63, 71.16, 317],
        "PP": [83.18, 98.89, 90.36, 107],
        "SBAR": [66.67, 33.33, 44.44, 3],
        "VP": [69.00, 79.31, 73.80, 100],
        "all": [68.83, 80.83, 74.35, 539],
    }
    confusion = evaluation.confusion.matrix
    assert round(100 * confusion.trace() / confusion.sum(), 2) == 84.08


@pytest.mark.parametrize("scheme", list(Scheme))
def test_corpora_without_words_or_entities(scheme: Scheme) -> None:
    sides: list[Sentences] = [[], [[]], [[], []], [["O"]], [["O", "O"], [], ["O"]]]
    for side in sides:
        coded, _ = code_tags(side, side)
        reading = read_corpus(coded, scheme)
        assert entities(reading.default, coded.tag_set) == entities(reading.strict, coded.tag_set) == []
        assert reading.n_invalid == 0
    assert sentence_counts([], []).shape == (0, 3)


def test_a_chunk_ends_with_its_sentence() -> None:
    coded, _ = code_tags([["B-per"], ["I-per"], [], ["I-per"]], [])
    assert entities(read_default(coded), coded.tag_set) == [(0, "per", 0, 1), (1, "per", 0, 1), (3, "per", 0, 1)]


@pytest.mark.parametrize("tag", ["", "B", "B-", "per", "X-per", "-", "o"])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(TagError, match="expected an entity tag"):
        code_tags([["O", tag]], [])


@pytest.mark.parametrize(
    ("scheme", "tag"), [("IOB1", "S-per"), ("IOB2", "E-per"), ("BIOES", "L-per"), ("BILOU", "E-per")]
)
def test_a_prefix_of_another_scheme_is_refused_with_its_place(scheme: str, tag: str) -> None:
    _, coded = code_tags([["O"], [], ["O"]], [["O"], [], [tag]])
    with pytest.raises(TagError, match=f"scheme {scheme}, found '{tag}' in sentence 3; "):
        read_corpus(coded, Scheme(scheme))


def test_a_prefix_of_another_scheme_in_the_gold_does_not_concern_the_predictions() -> None:
    gold, predicted = code_tags([["S-per"]], [["B-per"]])
    assert read_corpus(predicted, Scheme.IOB2).n_invalid == 0
    with pytest.raises(TagError):
        read_corpus(gold, Scheme.IOB2)
