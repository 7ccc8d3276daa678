"""Load fast tokenizers so that they treat each given word as a word, and cut words into pieces."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nomina.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["WordPieces", "load_tokenizer"]

_LONGEST_WORD = 10_000
"""Characters of one word that reach the tokenizer. Longer runs are never words, and some tokenizers need time
quadratic in their length (or gigabytes) to find that out."""

_CHUNK = 20_000


def load_tokenizer(source: str, **options: Any) -> PreTrainedTokenizerBase:
    """Load the tokenizer of an encoder or of a model folder.

    Byte-level BPE tokenizers (RoBERTa, ModernBERT) are set to put a space before each word: a word that is given on
    its own must have the pieces that it has in running text.

    Args:
        source: Folder or hub id, already resolved by :func:`nomina.encoding.encoders.resolve_encoder`.
        options: Passed on to ``AutoTokenizer.from_pretrained`` (``trust_remote_code``, ``revision``).

    Raises:
        EncoderError: If the folder holds no tokenizer, a damaged one, or only a slow one.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True, **options)
        if _lacks_prefix_space(tokenizer):
            tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True, add_prefix_space=True, **options)
    except Exception as error:  # of a damaged file, the tokenizers library says no more than Exception
        raise EncoderError(f"expected a tokenizer in {source!r}, could not load one: {error}") from error
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):  # what transformers makes of no files at all
        raise EncoderError(
            f"expected a tokenizer in {source!r}, found no vocabulary; tokenizer.json or the vocabulary file is missing"
        )
    if not tokenizer.is_fast:
        raise EncoderError(
            f"expected a fast tokenizer in {source!r}, found {type(tokenizer).__name__}; "
            "convert it to a tokenizer.json first (transformers.convert_slow_tokenizer)"
        )
    if _lacks_prefix_space(tokenizer):
        _set_prefix_space(tokenizer)
    return tokenizer


def _pre_tokenizer_state(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any] | None:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return None if backend is None else json.loads(backend.to_str())["pre_tokenizer"]


def _byte_levels(state: dict[str, Any] | None) -> Iterable[dict[str, Any]]:
    if state is None:
        return
    if state["type"] == "ByteLevel":
        yield state
    for part in state.get("pretokenizers", ()):
        yield from _byte_levels(part)


def _lacks_prefix_space(tokenizer: PreTrainedTokenizerBase) -> bool:
    return any(not level["add_prefix_space"] for level in _byte_levels(_pre_tokenizer_state(tokenizer)))


def _set_prefix_space(tokenizer: PreTrainedTokenizerBase) -> None:
    from tokenizers import Tokenizer

    backend: Any = tokenizer.backend_tokenizer
    state = json.loads(backend.to_str())
    for level in _byte_levels(state["pre_tokenizer"]):
        level["add_prefix_space"] = True
    backend.pre_tokenizer = Tokenizer.from_str(json.dumps(state)).pre_tokenizer


@dataclass
class WordPieces:
    """Cuts words into pieces, each different word once.

    Fast tokenizers treat the words of pre-split input independently of one another, so the pieces of a word can be
    looked up. A word for which the tokenizer finds no piece at all (a lone control character, say) gets the unknown
    piece; special tokens that stand in the text (``[SEP]``) are cut like any other word, or unknown.

    Attributes:
        tokenizer: A fast tokenizer from :func:`load_tokenizer`.
        prefix: Ids of the special pieces before a sequence.
        suffix: Ids of the special pieces after it.
        pad_id: Id that fills up batches.
    """

    tokenizer: PreTrainedTokenizerBase
    prefix: tuple[int, ...] = field(init=False)
    suffix: tuple[int, ...] = field(init=False)
    pad_id: int = field(init=False)
    _unknown_id: int = field(init=False, repr=False)
    _special_ids: frozenset[int] = field(init=False, repr=False)
    _index: dict[str, int] = field(init=False, repr=False, default_factory=dict)
    _pieces: list[list[int]] = field(init=False, repr=False, default_factory=list)
    _bare: set[str] = field(init=False, repr=False, default_factory=set)

    def __post_init__(self) -> None:
        tokenizer = self.tokenizer
        bare = self._tokenize(["a"])[0]
        full = list(tokenizer(["a"], is_split_into_words=True)["input_ids"])
        start = next(i for i in range(len(full) + 1) if full[i : i + len(bare)] == bare)
        self.prefix, self.suffix = tuple(full[:start]), tuple(full[start + len(bare) :])
        candidates = (tokenizer.unk_token_id, tokenizer.mask_token_id, tokenizer.pad_token_id)
        unknown = next((i for i in candidates if i is not None), None)
        if unknown is None:
            raise EncoderError(
                f"expected a tokenizer with an unknown, mask or padding piece, {type(tokenizer)} has none"
            )
        self._unknown_id = int(unknown)
        self._special_ids = frozenset(tokenizer.all_special_ids)
        self.pad_id = self._unknown_id if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)

    def _tokenize(self, words: list[str]) -> list[list[int]]:
        encoded = self.tokenizer(
            [[word[:_LONGEST_WORD]] for word in words],
            is_split_into_words=True,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            split_special_tokens=True,
            verbose=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

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
        used, kinds = np.unique(kinds, return_inverse=True)
        table = [self._pieces[i] for i in used]
        sizes = np.fromiter(map(len, table), dtype=np.int64, count=len(table))
        flat = np.fromiter((piece for pieces in table for piece in pieces), dtype=np.int32, count=int(sizes.sum()))
        starts = np.concatenate([[0], np.cumsum(sizes)])
        offsets = np.concatenate([[0], np.cumsum(sizes[kinds])])
        # Piece j of the output belongs to word w = repeat(...)[j] and is its (j - offsets[w])-th piece.
        source = np.arange(offsets[-1]) + np.repeat(starts[kinds] - offsets[:-1], sizes[kinds])
        return flat[source], offsets

    def without_piece(self, words: list[str]) -> set[str]:
        """Those of some words for which the tokenizer finds no piece at all; they are given the unknown piece."""
        self._learn(words)
        return self._bare.intersection(words)

    def unknown(self, words: list[str]) -> set[str]:
        """Those of some words for which the tokenizer finds nothing but the unknown piece."""
        self._learn(words)
        nothing = {self._unknown_id}
        return {word for word in words if set(self._pieces[self._index[word]]) == nothing} - self._bare

    def _learn(self, words: list[str]) -> None:
        new = [word for word in dict.fromkeys(words) if word not in self._index]
        for start in range(0, len(new), _CHUNK):
            chunk = new[start : start + _CHUNK]
            for word, pieces in zip(chunk, self._tokenize(chunk), strict=True):
                # SentencePiece models hold their special pieces as ordinary text.
                plain = [self._unknown_id if piece in self._special_ids else piece for piece in pieces]
                if not plain:
                    self._bare.add(word)
                self._index[word] = len(self._pieces)
                self._pieces.append(plain or [self._unknown_id])
