"""``Network``: what the predictor asks of a neural network, whichever library computes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from nomina.encoding.arrays import BatchArrays
from nomina.encoding.word_pieces import WordPieces

__all__ = ["Loaded", "Network", "Settings", "WordScores"]


class Settings(Protocol):
    """What ``config.json`` of a model folder says; see :class:`nomina.model.TaggerConfig`."""

    encoder_name: str
    scheme: str
    constrained: bool
    pos_source: str
    trained_on_source: bool
    context: str
    max_pieces: int
    span_temperature: float

    @property
    def encoder(self) -> Mapping[str, Any]:
        """The encoder's own configuration."""

    @property
    def features(self) -> Sequence[Mapping[str, Any]]:
        """Token features: ``name``, ``values``, ``dim``."""

    @property
    def labels(self) -> Sequence[str]:
        """Label names by id."""


class WordScores(NamedTuple):
    """Scores of the words of a batch.

    Attributes:
        logits: Of each word's labels, float32 [B, W, L].
        tags: The joint head's best tag of each word, int64 [B, W]; ``None`` without such a head.
    """

    logits: npt.NDArray[np.float32]
    tags: npt.NDArray[np.int64] | None


class Network(Protocol):
    """Encoder, features and head: arrays in, arrays out. Batches may be scored in several threads at once."""

    @property
    def settings(self) -> Settings:
        """What the network was built from."""

    @property
    def device(self) -> str:
        """Where it computes, such as ``"cpu"``."""

    @property
    def borders(self) -> npt.NDArray[np.float32] | None:
        """A CRF's scores of labels that follow one another, float32 [L + 1, L + 1]; ``None`` without one."""

    @property
    def has_tag_head(self) -> bool:
        """Whether it finds part-of-speech tags itself."""

    @property
    def batch_pieces(self) -> int:
        """How many word pieces, padding included, are best scored in one batch."""

    @property
    def n_threads(self) -> int:
        """How many batches are best scored at once, each in a thread of its own; 1 or more."""

    def at_work(self, n_threads: int) -> AbstractContextManager[None]:
        """Within, batches are scored, by this many threads; afterwards everything is as it was."""

    def score(self, batch: BatchArrays) -> WordScores:
        """Score the words of one batch."""

    def save(self, folder: str) -> None:
        """Write what a folder needs to be loaded again."""


class Loaded(NamedTuple):
    """A model folder, opened.

    Attributes:
        network: The network.
        word_pieces: Cuts words as the encoder wants them.
        max_pieces: The most word pieces of a window, special pieces included.
    """

    network: Network
    word_pieces: WordPieces
    max_pieces: int
