from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.shapes import word_shape


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("Berlin", "Xx"),
        ("berlin", "x"),
        ("NATO", "XX"),
        ("I", "X"),
        ("U.S.", "X.X."),
        ("McDonald", "XxXx"),
        ("1990s", "dx"),
        ("10,000", "d,d"),
        ("--", "-"),
        ("Šibenik", "Xx"),
        ("東京", "x"),
        ("ǅ", "X"),  # a title-case letter
        ("", ""),
    ],
)
def test_shapes(word: str, shape: str) -> None:
    assert word_shape(word) == shape


@given(st.text(max_size=60))
def test_shapes_are_short_and_say_nothing_of_letters(word: str) -> None:
    shape = word_shape(word)
    assert len(shape) <= 8
    assert bool(shape) == bool(word)
    assert not {c for c in shape if c.isalpha()} - set("Xxd")
