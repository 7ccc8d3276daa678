"""The label confusion: scikit-learn is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.scoring import LabelConfusion, label_confusion
from nomina.scoring.confusion import order_labels

sklearn_metrics = pytest.importorskip("sklearn.metrics")

TAGS = ("O", "B-geo", "I-geo", "B-per", "I-per")
words = st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=30)


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(words, st.booleans())
def test_counts_and_shares_are_scikit_learns(pairs: list[tuple[str, str]], fixed_labels: bool) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    confusion = label_confusion([gold], [predicted], labels=TAGS if fixed_labels else None)
    labels = list(confusion.labels)
    np.testing.assert_array_equal(confusion.matrix, sklearn_metrics.confusion_matrix(gold, predicted, labels=labels))
    np.testing.assert_allclose(
        confusion.normalised(),
        sklearn_metrics.confusion_matrix(gold, predicted, labels=labels, normalize="true"),
    )


@given(words)
def test_without_outside_drops_its_row_and_column(pairs: list[tuple[str, str]]) -> None:
    whole = label_confusion([[g for g, _ in pairs]], [[p for _, p in pairs]], labels=TAGS)
    inner = whole.without_outside()
    assert inner.labels == TAGS[1:]
    np.testing.assert_array_equal(inner.matrix, whole.matrix[1:, 1:])


def test_rows_without_gold_stay_zero() -> None:
    confusion = label_confusion([["O"]], [["B-geo"]])
    assert confusion.labels == ("O", "B-geo")
    assert confusion.normalised().tolist() == [[0.0, 1.0], [0.0, 0.0]]


def test_missing_words_count_as_outside() -> None:
    confusion = label_confusion([["B-geo", "I-geo"], ["B-geo"]], [["B-geo"], None])
    assert confusion.counts[confusion.labels.index("B-geo")][0] == 1
    assert confusion.counts[confusion.labels.index("I-geo")][0] == 1


def test_labels_are_ordered_by_type_and_then_by_prefix() -> None:
    labels = ["I-per", "B-per", "S-geo", "O", "E-geo", "I-geo", "B-geo"]
    assert order_labels(labels) == ("O", "B-geo", "I-geo", "E-geo", "S-geo", "B-per", "I-per")


def test_a_tag_outside_the_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="found 'B-art'"):
        label_confusion([["B-art"]], [["O"]], labels=TAGS)


def test_counts_must_be_square() -> None:
    with pytest.raises(ValueError, match="2 rows"):
        LabelConfusion(("O", "B-geo"), ((1, 2),))


def test_survives_a_dict() -> None:
    confusion = label_confusion([["O", "B-geo"]], [["O", "O"]])
    assert LabelConfusion.from_dict(confusion.to_dict()) == confusion


def test_nothing_at_all() -> None:
    confusion = label_confusion([], [])
    assert confusion.counts == ((0,),)
    assert confusion.without_outside().matrix.shape == (0, 0)
