"""The shape of a word: its capitals, digits and punctuation, without its letters."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

__all__ = ["SHAPE", "word_shape"]

SHAPE = "shape"
"""Name of the token feature that is computed from the word and needs no column."""

_LONGEST = 8


@lru_cache(maxsize=65_536)
def word_shape(word: str) -> str:
    """Summarise a word: ``"Xx"`` for ``"Berlin"``, ``"x"`` for ``"berlin"``, ``"X.X."`` for ``"U.S."``.

    Upper-case and title-case letters become ``X``, other letters ``x``, digits ``d``; what remains stands for itself.
    Runs of one sign are written once, and a single capital is told from several (``"X"`` and ``"XX"``): the summarised
    shape of Collins (2002, "Ranking algorithms for named-entity extraction"), which an uncased encoder cannot see.

    Args:
        word: Any string.

    Returns:
        At most 8 characters; longer shapes are cut.
    """
    signs = map(_sign, word[: 4 * _LONGEST])
    runs = ((sign, sum(1 for _ in run)) for sign, run in groupby(signs))
    return "".join(sign * 2 if sign == "X" and n > 1 else sign for sign, n in runs)[:_LONGEST]


def _sign(character: str) -> str:
    if character.isupper() or character.istitle():
        return "X"
    if character.isalpha():
        return "x"
    return "d" if character.isdigit() else character
