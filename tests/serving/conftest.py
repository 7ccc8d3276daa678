from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from nomina.encoding.tokenizers import load_tokenizer
from nomina.inference import Predictor
from servers import Client, running
from taggers import make_tagger


@pytest.fixture(scope="session")
def predictor(encoder_folder: Callable[[str], Path]) -> Predictor:
    """An untrained predictor that reads POS tags; its labels are random, but depend on words and tags."""
    folder = encoder_folder("bert-uncased")
    tagger = make_tagger(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.nn.init.normal_(tagger.head.classifier.weight)  # scores that differ
    tagger.train(False)
    return Predictor.of(tagger, load_tokenizer(str(folder)))


@pytest.fixture(scope="module")
def port(predictor: Predictor) -> Iterator[int]:
    """Of a server with settings as they are by default."""
    from nomina.serving.app import create_app

    with running(create_app(predictor)) as port:
        yield port


@pytest.fixture
def client(port: int) -> Client:
    return Client(port)


class Gated(Predictor):
    """A predictor that works only while its gate is open, and knows what it was asked."""

    def __init__(self, inner: Predictor) -> None:
        self.__dict__.update(inner.__dict__)
        self.gate = threading.Event()
        self.asked: list[list[str]] = []

    def predict(self, inputs: Any, **options: Any) -> Any:
        """The words of each sentence are noted as one string."""
        self.asked.append([" ".join(sentence.words) for sentence in inputs])
        assert self.gate.wait(30)
        return super().predict(inputs, **options)


@pytest.fixture
def gated(predictor: Predictor) -> Iterator[Gated]:
    gated = Gated(predictor)
    yield gated
    gated.gate.set()
