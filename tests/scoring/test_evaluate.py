"""Evaluation of tag sequences: seqeval is the oracle, on random tags with every illegal transition."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
import seqeval.scheme
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report

from nomina.data.tags import Scheme, read_spans
from nomina.errors import DataError, TagError
from nomina.scoring import Evaluation, Scores, score

TYPES = ("geo", "per", "time-of-day")
PREFIXES = {Scheme.IOB1: "IB", Scheme.IOB2: "BI", Scheme.BIOES: "BIES", Scheme.BILOU: "BILU"}
SEQEVAL = {
    Scheme.IOB1: seqeval.scheme.IOB1,
    Scheme.IOB2: seqeval.scheme.IOB2,
    Scheme.BIOES: seqeval.scheme.IOBES,
    Scheme.BILOU: seqeval.scheme.BILOU,
}
Pair = tuple[list[list[str]], list[list[str]]]


def tags_of(scheme: Scheme) -> list[str]:
    return ["O", *(f"{prefix}-{name}" for prefix in PREFIXES[scheme] for name in TYPES)]


def sentence_pairs(scheme: Scheme) -> st.SearchStrategy[Pair]:
    """Gold and predicted sentences of equal lengths; any tag may follow any other."""
    tag = st.sampled_from(tags_of(scheme))
    sentence = st.lists(st.tuples(tag, tag), max_size=12)
    return st.lists(sentence, min_size=1, max_size=5).map(
        lambda sentences: ([[g for g, _ in s] for s in sentences], [[p for _, p in s] for s in sentences])
    )


def report(scores: Scores) -> dict[str, tuple[float, ...]]:
    rows = {name: (c.precision, c.recall, c.f1, c.support) for name, c in scores.by_type.items()}
    micro = scores.micro
    return {
        **rows,
        "micro avg": (micro.precision, micro.recall, micro.f1, micro.support),
        "macro avg": tuple(scores.macro),
        "weighted avg": tuple(scores.weighted),
    }


def seqeval_report(gold: list[list[str]], predicted: list[list[str]], **options: Any) -> dict[str, tuple[float, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = classification_report(gold, predicted, output_dict=True, zero_division=0, **options)
    names = ("precision", "recall", "f1-score", "support")
    return {name: tuple(float(row[figure]) for figure in names) for name, row in rows.items()}


def has_entity(scores: Scores) -> bool:
    return bool(scores.by_type)


@pytest.mark.parametrize("scheme", [Scheme.IOB1, Scheme.IOB2, Scheme.BIOES])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_default_scores_are_seqevals(scheme: Scheme, data: st.DataObject) -> None:
    gold, predicted = data.draw(sentence_pairs(scheme))
    scores = score(gold, predicted, scheme).default
    if has_entity(scores):  # seqeval's report fails on an empty table
        assert report(scores) == {
            name: pytest.approx(row, abs=1e-12) for name, row in seqeval_report(gold, predicted).items()
        }


@pytest.mark.parametrize("scheme", list(Scheme))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_strict_scores_are_seqevals(scheme: Scheme, data: st.DataObject) -> None:
    gold, predicted = data.draw(sentence_pairs(scheme))
    scores = score(gold, predicted, scheme).strict
    if has_entity(scores):
        expected = seqeval_report(gold, predicted, mode="strict", scheme=SEQEVAL[scheme])
        assert report(scores) == {name: pytest.approx(row, abs=1e-12) for name, row in expected.items()}


@settings(deadline=None)
@given(sentence_pairs(Scheme.BILOU))
def test_bilou_counts_as_bioes_in_the_default_mode(pair: Pair) -> None:
    gold, predicted = ([[tag.replace("L-", "E-").replace("U-", "S-") for tag in s] for s in side] for side in pair)
    assert score(*pair, Scheme.BILOU).default.by_type == score(gold, predicted, Scheme.BIOES).default.by_type


@pytest.mark.parametrize("scheme", list(Scheme))
@settings(deadline=None)
@given(data=st.data())
def test_default_mode_and_the_tag_reader_see_the_same_spans(scheme: Scheme, data: st.DataObject) -> None:
    gold, _ = data.draw(sentence_pairs(scheme))
    spans = [(i, span) for i, tags in enumerate(gold) for span in read_spans(tags, scheme).spans]
    evaluation = score(gold, gold, scheme)
    assert evaluation.default.micro.n_gold == evaluation.default.micro.n_correct == len(spans)
    assert evaluation.default.n_repaired == sum(read_spans(tags, scheme).n_repairs > 0 for tags in gold)


@settings(deadline=None)
@given(sentence_pairs(Scheme.IOB2), st.data())
def test_a_word_without_a_prediction_counts_as_outside(pair: Pair, data: st.DataObject) -> None:
    gold, predicted = pair
    kept = [data.draw(st.integers(0, len(tags))) for tags in gold]
    cut = [tags[:n] if n else None for tags, n in zip(predicted, kept, strict=True)]
    padded = [tags[:n] + ["O"] * (len(tags) - n) for tags, n in zip(predicted, kept, strict=True)]
    evaluation = score(gold, cut)
    assert evaluation.n_missing_words == sum(map(len, gold)) - sum(kept)
    whole = score(gold, padded)
    assert (evaluation.default, evaluation.strict) == (whole.default, whole.strict)
    assert evaluation.confusion == whole.confusion


def test_gold_that_was_never_predicted_is_missed() -> None:
    gold = [["B-per", "I-per"], ["O", "B-geo"], ["B-per"]]
    evaluation = score(gold, [["B-per", "I-per"], ["O"]])
    assert evaluation.n_missing_words == 2
    assert (evaluation.default.micro.n_correct, evaluation.default.micro.n_gold) == (1, 3)
    assert evaluation.default.recall == evaluation.strict.recall == pytest.approx(1 / 3)
    assert evaluation.default.precision == 1.0


@pytest.mark.parametrize("predicted", [[["O", "O"]], [["O"], ["O"]]])
def test_more_predictions_than_words_are_refused(predicted: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="predicted"):
        score([["O"]], predicted)


def test_an_orphan_inside_tag_is_an_entity_by_default_and_none_when_strict() -> None:
    evaluation = score([["B-per", "I-per"]], [["I-per", "I-per"]])
    assert (evaluation.default.f1, evaluation.strict.f1) == (1.0, 0.0)
    assert evaluation.default.n_repaired == evaluation.strict.n_repaired == 1


def test_the_conlleval_example_end_to_end() -> None:
    # One-word sentences with the published numbers of correct, found and gold phrases of two types.
    published = {"NP": (206, 317, 262), "VP": (69, 100, 87)}
    gold, predicted = [], []
    for name, (n_correct, n_found, n_gold) in published.items():
        tag, n_wrong, n_missed = f"B-{name}", n_found - n_correct, n_gold - n_correct
        gold += [[tag]] * n_correct + [["O"]] * n_wrong + [[tag]] * n_missed
        predicted += [[tag]] * (n_correct + n_wrong) + [["O"]] * n_missed
    by_type = score(gold, predicted).default.by_type
    assert [round(100 * by_type[name].f1, 2) for name in published] == [71.16, 73.80]


def test_tags_of_another_scheme_are_refused_with_the_next_step() -> None:
    with pytest.raises(TagError, match=r"tags of the scheme IOB2, found 'E-per'.*convert"):
        score([["B-per"]], [["E-per"]])
    with pytest.raises(TagError, match="found 'NNP'"):
        score([["B-per"]], [["NNP"]])


def test_no_warning_reaches_the_user() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score([["O", "O"]], [["U-per", "O"]], Scheme.BILOU)
        score([], [])


def test_evaluation_survives_json() -> None:
    evaluation = score([["B-per", "I-per"], ["O", "B-geo"]], [["B-per", "B-per"], None])
    assert Evaluation.from_dict(json.loads(json.dumps(evaluation.to_dict()))) == evaluation


@pytest.mark.parametrize("broken", [{}, {"default": {"mode": "default"}}, {"default": None}])
def test_damaged_scores_are_reported_as_such(broken: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="expected scores"):
        Evaluation.from_dict(broken)


def test_scores_of_a_version_without_modes_and_entities_are_read() -> None:
    evaluation = score([["B-per"]], [["B-geo"]])
    record = {name: part for name, part in evaluation.to_dict().items() if name not in ("modes", "entities")}
    older = Evaluation.from_dict(json.loads(json.dumps(record)))
    assert (older.modes, older.entities) == (None, None)
    assert (older.default, older.confusion) == (evaluation.default, evaluation.confusion)
    assert Evaluation.from_dict(older.to_dict()) == older


def test_modes_are_counted_on_the_entities_of_the_default_mode() -> None:
    evaluation = score([["B-per", "I-per"], ["O", "B-geo"]], [["I-per", "I-per"], ["I-geo", "I-geo"]])
    assert evaluation.modes is not None
    assert (evaluation.modes.strict.overall.n_correct, evaluation.modes.strict.overall.n_incorrect) == (1, 1)
    assert evaluation.modes.partial.overall.f1 == 0.75
