"""The records that every room speaks of: readers make them, encoders eat them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["MISSING", "Note", "Sentence", "Span"]

MISSING = "_"
"""Value of a token feature that a word does not have, as in CoNLL-U."""


@dataclass(frozen=True, slots=True)
class Span:
    """One entity mention.

    Attributes:
        label: Entity type, without a scheme's prefix (``"per"``).
        start: Index of the first word, 0-based.
        end: Index after the last word (end-exclusive), ``end > start``.
        score: Probability in [0, 1], where a model gave one.
        start_char: Offset of the first character in the sentence's text, where the text is known.
        end_char: Offset after the last character, where the text is known.
    """

    label: str
    start: int
    end: int
    score: float | None = field(default=None, compare=False)
    start_char: int | None = field(default=None, compare=False)
    end_char: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader, a cleaning or a splitting step did that the user should hear of, once, with its count.

    Attributes:
        kind: Short stable key, such as ``"blank_word"`` or ``"encoding"``.
        message: One sentence for people.
        count: How many rows, words or sentences it touched.
        lines: 1-based source lines of the first few, as examples.
        source: The file it is about, where it is about one.
    """

    kind: str
    message: str
    count: int = 1
    lines: tuple[int, ...] = ()
    source: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words with what is known of each; every column has one value per word.

    Attributes:
        words: The words, in order; never empty strings.
        features: Token features by column name (``"pos"`` first), each one value per word.
        labels: Entity tags, one per word, or ``None`` where the input has none.
        document: Identifier of the document, or ``None`` where documents are not marked.
        line: 1-based line of the first word in the source file, or ``None`` where there is no file.
        text: The original text, where it is known.
        source: The file it was read from, for messages; sentences of one corpus may come from several.
        lines: 1-based line of each word, where words stand on lines of their own.
        start_char: Where ``text`` begins in the text that it was cut from, in code points; 0 for a text of its own.

    Raises:
        ValueError: If a column's length differs from the number of words.
    """

    words: tuple[str, ...]
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    labels: tuple[str, ...] | None = None
    document: str | None = None
    line: int | None = None
    text: str | None = None
    source: str | None = field(default=None, compare=False, repr=False)
    lines: Sequence[int] | None = field(default=None, compare=False, repr=False)
    start_char: int = field(default=0, compare=False, repr=False)

    def __post_init__(self) -> None:
        n_words = len(self.words)
        for name, values in self.features.items():
            if len(values) != n_words:
                raise ValueError(f"feature {name!r} has {len(values)} values for {n_words} words")
        if self.labels is not None and len(self.labels) != n_words:
            raise ValueError(f"{len(self.labels)} labels for {n_words} words")

    def __len__(self) -> int:
        return len(self.words)

    def line_of(self, index: int) -> int | None:
        """1-based source line of one word (0-based index); ``None`` where there is no file."""
        return self.line if self.lines is None else self.lines[index]

    def offsets(self) -> tuple[tuple[int, int], ...] | None:
        """Character offsets (start, end-exclusive) of each word in ``text``.

        Returns:
            One pair per word, or ``None`` where the text is unknown or does not hold the words in order
            (a contraction that its treebank writes out as two words, for instance).
        """
        if self.text is None:
            return None
        pairs, position = [], 0
        for word in self.words:
            start = self.text.find(word, position)
            if start < 0:
                return None
            position = start + len(word)
            pairs.append((start, position))
        return tuple(pairs)

    def in_whole(self, offsets: tuple[int, int]) -> tuple[int, int]:
        """Character offsets in the text that ``text`` was cut from, of offsets in ``text``."""
        return self.start_char + offsets[0], self.start_char + offsets[1]
