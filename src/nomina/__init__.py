"""Fine-tune BERT-family encoders for named-entity recognition, with part-of-speech tags as a second input.

The short way through::

    import nomina

    corpus = nomina.read("ner_dataset.csv.zip")
    train, dev, test = corpus.split((80, 10, 10), seed=13)
    result = nomina.train(train, dev=dev, test=test, encoder="minilm", output="gmb-model")
    model = nomina.load("gmb-model")
    model.predict("Washington said on Monday that May will travel to Georgia.").spans
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nomina.errors import NominaError

if TYPE_CHECKING:
    from nomina.api import check, compare, evaluate, load, train, tune
    from nomina.data.cleaning import clean
    from nomina.data.corpus import Corpus
    from nomina.data.formats import read
    from nomina.data.raw import sentences
    from nomina.data.records import Sentence, Span
    from nomina.inference import Prediction, Predictor
    from nomina.model import Tagger, TaggerConfig
    from nomina.training.config import RunConfig

__version__ = "0.1.0"

__all__ = [
    "Corpus",
    "NominaError",
    "Prediction",
    "Predictor",
    "RunConfig",
    "Sentence",
    "Span",
    "Tagger",
    "TaggerConfig",
    "check",
    "clean",
    "compare",
    "evaluate",
    "load",
    "read",
    "sentences",
    "train",
    "tune",
]

# Public names by the module that holds them; imported on first use, so that `import nomina` stays light.
_HOMES = {
    "Corpus": "nomina.data.corpus",
    "Prediction": "nomina.inference",
    "Predictor": "nomina.inference",
    "RunConfig": "nomina.training.config",
    "Sentence": "nomina.data.records",
    "Span": "nomina.data.records",
    "Tagger": "nomina.model",
    "TaggerConfig": "nomina.model",
    "check": "nomina.api",
    "clean": "nomina.data.cleaning",
    "compare": "nomina.api",
    "evaluate": "nomina.api",
    "load": "nomina.api",
    "read": "nomina.data.formats",
    "sentences": "nomina.data.raw",
    "train": "nomina.api",
    "tune": "nomina.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nomina' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
