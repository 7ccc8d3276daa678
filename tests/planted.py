"""A generated corpus without a fault, as files, to plant faults into."""

from __future__ import annotations

from pathlib import Path

from nomina.data.corpus import Corpus
from nomina.data.formats import read

__all__ = ["PARTS", "Rows", "clean_rows", "line_of", "read_rows", "write_rows"]

Rows = list[list[list[str]]]
"""Sentences of rows of word, part-of-speech tag and entity tag."""

PARTS = {"train": 200, "dev": 40, "test": 40}

_NAMES = [("Ada", "Byron"), ("Grace", "Hopper"), ("Alan", "Turing"), ("Edith", "Clarke")]
_CITIES = ["Lisbon", "Oslo", "Quito", "Nairobi", "Hanoi"]
_DAYS = ["Monday", "Friday", "Sunday"]


def clean_rows(part: str) -> Rows:
    """Distinct sentences of nine words with a person, a place and a day in each."""
    start = sum(n for name, n in PARTS.items() if list(PARTS).index(name) < list(PARTS).index(part))
    return [_sentence(i) for i in range(start, start + PARTS[part])]


def _sentence(i: int) -> list[list[str]]:
    first, last = _NAMES[i % 4]
    return [
        [first, "NNP", "B-per"],
        [last, "NNP", "I-per"],
        ["reached", "VBD", "O"],
        [_CITIES[i % 5], "NNP", "B-geo"],
        ["on", "IN", "O"],
        [_DAYS[i % 3], "NNP", "B-tim"],
        ["with", "IN", "O"],
        [f"parcel-{i}", "NN", "O"],
        [".", ".", "O"],
    ]


def write_rows(rows: Rows, path: Path, encoding: str = "utf-8") -> Path:
    """Columns parted by tabs, an empty line after each sentence."""
    text = "".join("".join("\t".join(row) + "\n" for row in sentence) + "\n" for sentence in rows)
    path.write_bytes(text.encode(encoding, errors="surrogateescape"))
    return path


def read_rows(parts: dict[str, Rows], folder: Path) -> dict[str, Corpus]:
    """The parts as they are read from files named after them."""
    return {
        name: read(write_rows(rows, folder / f"{name}.conll"), columns="word,pos,label") for name, rows in parts.items()
    }


def line_of(rows: Rows, sentence: int, word: int = 0) -> int:
    """1-based line of a word in the file."""
    return sum(len(before) + 1 for before in rows[:sentence]) + word + 1
