"""``WordPieces``: words to word pieces, each different word cut once.

Needs the ``tokenizers`` library alone where the pieces come from a folder of :meth:`WordPieces.load`.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nomina.errors import EncoderError

__all__ = ["SPECIAL_PIECES", "SpecialPieces", "WordPieces", "piece_limit"]

SPECIAL_PIECES = "special_pieces.json"
"""File that says, beside ``tokenizer.json``, what else is to be known of a tokenizer."""

_LONGEST_WORD = 10_000
"""Characters of one word that reach the tokenizer. Longer runs are never words, and some tokenizers need time
quadratic in their length (or gigabytes) to find that out."""

_CHUNK = 20_000
_DEFAULT_LIMIT = 512
_UNSET_LENGTH = 1_000_000  # transformers writes 1e30 where a tokenizer names no limit

Cut = Callable[[list[str]], list[list[int]]]
"""Pieces of words, each word as if it stood in running text, without special pieces around it."""


@dataclass(frozen=True)
class SpecialPieces:
    """What a tokenizer puts around and between the pieces of words.

    Attributes:
        prefix: Ids of the special pieces before a sequence.
        suffix: Ids of the special pieces after it.
        pad_id: Id that fills up batches.
        unknown_id: Id of the unknown piece, or of what stands in for one.
        special_ids: Ids that no piece of a word may have.
    """

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    pad_id: int
    unknown_id: int
    special_ids: frozenset[int]

    def save(self, folder: str | Path) -> None:
        """Write :data:`SPECIAL_PIECES`."""
        facts = asdict(self) | {"special_ids": sorted(self.special_ids)}
        (Path(folder) / SPECIAL_PIECES).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> SpecialPieces:
        """Read :data:`SPECIAL_PIECES`.

        Raises:
            EncoderError: If the file is missing or damaged.
        """
        path = Path(folder) / SPECIAL_PIECES
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                prefix=tuple(map(int, facts["prefix"])),
                suffix=tuple(map(int, facts["suffix"])),
                pad_id=int(facts["pad_id"]),
                unknown_id=int(facts["unknown_id"]),
                special_ids=frozenset(map(int, facts["special_ids"])),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EncoderError(f"expected what nomina export wrote in {path}, could not read it: {error}") from error


class WordPieces:
    """Cuts words into pieces, each different word once.

    Fast tokenizers treat the words of pre-split input independently of one another, so the pieces of a word can be
    looked up. A word for which the tokenizer finds no piece at all (a lone control character, say) gets the unknown
    piece; special tokens that stand in the text (``[SEP]``) are cut like any other word, or unknown.

    Args:
        cut: The tokenizer, reduced to what it makes of words.
        special: Its special pieces.
    """

    def __init__(self, cut: Cut, special: SpecialPieces) -> None:
        self.special = special
        self._cut = cut
        # The word with index i has _pieces[_starts[i]:_starts[i + 1]]; a list for each would take far more memory.
        self._index: dict[str, int] = {}
        self._pieces = array("i")
        self._starts = array("q", [0])
        self._bare: set[str] = set()

    @classmethod
    def load(cls, folder: str | Path) -> WordPieces:
        """Read ``tokenizer.json`` and :data:`SPECIAL_PIECES`, without transformers.

        Raises:
            EncoderError: If one of the files is missing or damaged.
        """
        from tokenizers import Tokenizer

        special = SpecialPieces.load(folder)
        path = Path(folder) / "tokenizer.json"
        try:
            tokenizer: Any = Tokenizer.from_file(str(path))
        except Exception as error:  # the library says no more than Exception
            raise EncoderError(f"expected a tokenizer in {path}, could not load it: {error}") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True

        def cut(words: list[str]) -> list[list[int]]:
            encoded = tokenizer.encode_batch([[word] for word in words], is_pretokenized=True, add_special_tokens=False)
            return [encoding.ids for encoding in encoded]

        return cls(cut, special)

    @property
    def prefix(self) -> tuple[int, ...]:
        """Ids of the special pieces before a sequence."""
        return self.special.prefix

    @property
    def suffix(self) -> tuple[int, ...]:
        """Ids of the special pieces after it."""
        return self.special.suffix

    @property
    def pad_id(self) -> int:
        """Id that fills up batches."""
        return self.special.pad_id

    def __call__(self, words: list[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Cut words into pieces.

        Args:
            words: n words.

        Returns:
            pieces: int32 ids of all pieces in order, shape [n_pieces].
            offsets: int64, shape [n + 1]; word i has ``pieces[offsets[i]:offsets[i + 1]]``, never empty.
        """
        self._learn(words)
        kinds = np.fromiter(map(self._index.__getitem__, words), dtype=np.int64, count=len(words))
        starts = np.asarray(self._starts)[kinds]
        sizes = np.asarray(self._starts)[kinds + 1] - starts
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        # Piece j of the output belongs to word w = repeat(...)[j] and is its (j - offsets[w])-th piece.
        source = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], sizes)
        return np.asarray(self._pieces)[source], offsets

    def without_piece(self, words: list[str]) -> set[str]:
        """Those of some words for which the tokenizer finds no piece at all; they are given the unknown piece."""
        self._learn(words)
        return self._bare.intersection(words)

    def unknown(self, words: list[str]) -> set[str]:
        """Those of some words for which the tokenizer finds nothing but the unknown piece."""
        self._learn(words)
        nothing = {self.special.unknown_id}
        return {word for word in words if set(self._pieces_of(word)) == nothing} - self._bare

    def forget(self, n_words: int) -> None:
        """Drop what was learnt if that is more than some number of different words: memory stays bounded."""
        if len(self._index) > n_words:
            self._index, self._pieces, self._starts, self._bare = {}, array("i"), array("q", [0]), set()

    def _pieces_of(self, word: str) -> array[int]:
        i = self._index[word]
        return self._pieces[self._starts[i] : self._starts[i + 1]]

    def _learn(self, words: list[str]) -> None:
        new = [word for word in dict.fromkeys(words) if word not in self._index]
        unknown_id = self.special.unknown_id
        del self._pieces[self._starts[-1] :]  # where an earlier call was interrupted
        for start in range(0, len(new), _CHUNK):
            chunk = new[start : start + _CHUNK]
            for word, pieces in zip(chunk, self._cut([word[:_LONGEST_WORD] for word in chunk]), strict=True):
                # SentencePiece models hold their special pieces as ordinary text.
                plain = [unknown_id if piece in self.special.special_ids else piece for piece in pieces]
                if not plain:
                    self._bare.add(word)
                self._pieces.extend(plain or [unknown_id])
                self._starts.append(len(self._pieces))
                self._index[word] = len(self._starts) - 2


def piece_limit(*limits: float | None) -> int:
    """The most pieces of a window, special pieces included.

    Args:
        limits: What the settings, the encoder and its tokenizer allow; ``None`` and 0 where one names no limit.

    Returns:
        The least of them; 512 where there is none.
    """
    least = min((n for n in limits if n), default=_UNSET_LENGTH)
    return _DEFAULT_LIMIT if least >= _UNSET_LENGTH else int(least)
