"""Taggers on small encoders, and twelve sentences of the sample encoded for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nomina.data.formats import read
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import Windows, encode
from nomina.encoding.word_pieces import WordPieces
from nomina.model import Tagger

__all__ = ["encode_sample", "make_tagger", "without_dropout"]

_CORPUS = read("sample")[:12]
_POS = Vocabulary.of_feature(s.features["pos"] for s in _CORPUS)
_LABELS = Vocabulary.of_labels(_CORPUS.stats().types)


def make_tagger(folder: Path, **config: Any) -> Tagger:
    """A tagger with POS tags on the encoder of a folder, in training mode; the same fresh weights at each call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        features = [{"name": "pos", "values": list(_POS), "dim": 5}]
        tagger = Tagger.from_encoder(str(folder), labels=list(_LABELS), features=features, **config)
    tagger.train()
    return tagger


def encode_sample(word_pieces: WordPieces) -> Windows:
    """The sentences with POS tags and labels, in more windows than sentences."""
    return encode(_CORPUS.sentences, word_pieces, max_pieces=40, features={"pos": _POS}, labels=_LABELS)


def without_dropout(tagger: Tagger) -> Tagger:
    """The same tagger in training mode, with every dropout probability at 0."""
    for module in tagger.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name, value in vars(module).items():  # of attention weights, and of token features
            if "dropout" in name and isinstance(value, float):
                setattr(module, name, 0.0)
            elif "dropout" in name and isinstance(value, tuple):
                setattr(module, name, (0.0,) * len(value))
    return tagger
