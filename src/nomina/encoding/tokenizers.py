"""Load fast tokenizers so that they treat each given word as a word."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nomina.encoding.word_pieces import SpecialPieces, WordPieces
from nomina.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["load_tokenizer", "store_word_pieces", "word_pieces_of"]


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


def word_pieces_of(tokenizer: PreTrainedTokenizerBase) -> WordPieces:
    """What cuts words as a tokenizer does.

    Args:
        tokenizer: A fast tokenizer from :func:`load_tokenizer`.

    Raises:
        EncoderError: If the tokenizer has no piece that could stand for an unknown one.
    """

    def cut(words: list[str]) -> list[list[int]]:
        encoded = tokenizer(
            [[word] for word in words],
            is_split_into_words=True,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            split_special_tokens=True,
            verbose=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    bare = cut(["a"])[0]
    full = list(tokenizer(["a"], is_split_into_words=True)["input_ids"])
    start = next(i for i in range(len(full) + 1) if full[i : i + len(bare)] == bare)
    candidates = (tokenizer.unk_token_id, tokenizer.mask_token_id, tokenizer.pad_token_id)
    unknown = next((i for i in candidates if i is not None), None)
    if unknown is None:
        raise EncoderError(f"expected a tokenizer with an unknown, mask or padding piece, {type(tokenizer)} has none")
    special = SpecialPieces(
        prefix=tuple(full[:start]),
        suffix=tuple(full[start + len(bare) :]),
        pad_id=int(unknown if tokenizer.pad_token_id is None else tokenizer.pad_token_id),
        unknown_id=int(unknown),
        special_ids=frozenset(tokenizer.all_special_ids),
    )
    return WordPieces(cut, special)


def store_word_pieces(tokenizer: PreTrainedTokenizerBase, folder: str | Path) -> None:
    """Write what :meth:`~nomina.encoding.word_pieces.WordPieces.load` reads.

    Args:
        tokenizer: A fast tokenizer from :func:`load_tokenizer`.
        folder: An existing folder.
    """
    backend: Any = tokenizer.backend_tokenizer
    backend.save(str(Path(folder) / "tokenizer.json"))
    word_pieces_of(tokenizer).special.save(folder)
