from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.tags import Scheme
from nomina.encoding.vocabulary import UNKNOWN, Vocabulary


def test_feature_values_by_frequency_then_alphabet() -> None:
    columns = [("NN", "VB", "NN"), ("ZZ", "AA", UNKNOWN), ()]
    vocabulary = Vocabulary.of_feature(columns)
    assert vocabulary.values == (UNKNOWN, "NN", "AA", "VB", "ZZ")
    assert vocabulary.unknown == 0
    assert Vocabulary.of_feature(reversed(columns)) == vocabulary
    assert Vocabulary.of_feature([]).values == (UNKNOWN,)


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (Scheme.IOB1, ("O", "B-geo", "I-geo", "B-per", "I-per")),
        (Scheme.IOB2, ("O", "B-geo", "I-geo", "B-per", "I-per")),
        (Scheme.BIOES, ("O", "B-geo", "I-geo", "E-geo", "S-geo", "B-per", "I-per", "E-per", "S-per")),
        (Scheme.BILOU, ("O", "B-geo", "I-geo", "L-geo", "U-geo", "B-per", "I-per", "L-per", "U-per")),
    ],
)
def test_labels_of_types(scheme: Scheme, expected: tuple[str, ...]) -> None:
    assert Vocabulary.of_labels(["per", "geo", "per"], scheme).values == expected


@given(st.lists(st.text(), unique=True), st.lists(st.text()))
def test_ids_and_back(values: list[str], others: list[str]) -> None:
    vocabulary = Vocabulary(tuple(values))
    assert list(vocabulary) == values
    assert len(vocabulary) == len(values)
    assert vocabulary.ids(values).tolist() == list(range(len(values)))
    assert [vocabulary.id(value) for value in values] == list(range(len(values)))
    ids = vocabulary.ids(others, default=-100)
    assert ids.dtype == np.int32
    assert ids.tolist() == [values.index(other) if other in vocabulary else -100 for other in others]


def test_strings_without_an_id() -> None:
    closed, open_ = Vocabulary(("O", "B-per")), Vocabulary((UNKNOWN, "NN"), unknown=0)
    assert "B-geo" not in closed
    with pytest.raises(KeyError, match="B-geo"):
        closed.id("B-geo")
    with pytest.raises(KeyError, match="B-geo"):
        closed.ids(["O", "B-geo"])
    assert open_.id("ZZ") == 0
    assert open_.ids(["NN", "ZZ"]).tolist() == [1, 0]
    assert open_.ids(["NN", "ZZ"], default=7).tolist() == [1, 7]


def test_values_must_differ() -> None:
    with pytest.raises(ValueError, match=r"found twice: \['O'\]"):
        Vocabulary(("O", "B-per", "O"))
