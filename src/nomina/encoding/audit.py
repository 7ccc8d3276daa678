"""What an encoder's tokenizer makes of a corpus: lengths in pieces, words that it does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import chain

import numpy as np

from nomina.data.audit.records import Lengths, PieceFacts
from nomina.data.corpus import Corpus
from nomina.encoding.encoders import EncoderSource
from nomina.encoding.tokenizers import load_tokenizer, word_pieces_of
from nomina.encoding.word_pieces import WordPieces, piece_limit
from nomina.errors import EncoderError

__all__ = ["count_pieces", "encoder_limit"]

_N_LONGEST = 20


def count_pieces(parts: Mapping[str, Corpus], source: EncoderSource, *, max_pieces: int = 0) -> dict[str, PieceFacts]:
    """Cut every word of some parts into pieces; each different word once.

    Args:
        parts: By name.
        source: The encoder.
        max_pieces: Most pieces of a window; 0 for the encoder's own limit.

    Raises:
        EncoderError: If its tokenizer or its configuration cannot be loaded.
    """
    tokenizer = load_tokenizer(source.location, local_files_only=not source.is_hub_id)
    word_pieces = word_pieces_of(tokenizer)
    limit = piece_limit(max_pieces, encoder_limit(source), tokenizer.model_max_length)
    return {name: _part_facts(corpus, word_pieces, source.name, limit) for name, corpus in parts.items()}


def encoder_limit(source: EncoderSource) -> int | None:
    """The most pieces, special pieces included, that an encoder's configuration says it has positions for.

    Raises:
        EncoderError: If the configuration cannot be loaded.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(source.location, local_files_only=not source.is_hub_id)
    except (OSError, ValueError, KeyError) as error:
        raise EncoderError(f"expected an encoder's config.json in {source.location!r}: {error}") from error
    return getattr(config, "max_position_embeddings", None)


def _part_facts(corpus: Corpus, word_pieces: WordPieces, encoder: str, limit: int) -> PieceFacts:
    words = [word for sentence in corpus.sentences for word in sentence.words]
    _, offsets = word_pieces(words)
    sizes = np.fromiter(map(len, corpus.sentences), dtype=np.int64, count=len(corpus))
    borders = np.concatenate([[0], np.cumsum(sizes)])
    lengths = np.diff(offsets[borders]) + len(word_pieces.prefix) + len(word_pieces.suffix)
    longest = np.argsort(-lengths, kind="stable")[:_N_LONGEST]
    counts = Counter(chain.from_iterable(sentence.words for sentence in corpus.sentences))
    return PieceFacts(
        encoder=encoder,
        limit=limit,
        n_pieces=int(offsets[-1]),
        lengths=Lengths.of(lengths),
        n_over_limit=int((lengths > limit).sum()),
        longest=tuple(int(i) for i in longest if lengths[i] > limit),
        without_piece={word: counts[word] for word in sorted(word_pieces.without_piece(list(counts)))},
        unknown={word: counts[word] for word in sorted(word_pieces.unknown(list(counts)))},
    )
