"""Predictions as dictionaries, against transformers' own pipeline."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nomina.data import Sentence, Span
from nomina.data.raw import sentences
from nomina.encoding.tokenizers import load_tokenizer
from nomina.encoding.vocabulary import Vocabulary
from nomina.inference import Prediction, Predictor
from nomina.model import Tagger

TEXT = "Yesterday Ada Lovelace met Charles Babbage, in London. They wrote\nto Turin: nobody answered (for years).\n\n"
TEXT += "On Monday Washington sent word; Paris and Rome did not. " * 3


@pytest.fixture(scope="module")
def predictor(encoder_folder: Callable[[str], Path]) -> Predictor:
    """An untrained tagger with a linear head and without features, whose labels are random but differ."""
    folder = str(encoder_folder("bert-cased"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        labels = Vocabulary.of_labels(["geo", "per"])
        tagger = Tagger.from_encoder(folder, labels=list(labels), features=[])
        torch.nn.init.normal_(tagger.head.classifier.weight)
        for i, label in enumerate(labels):
            torch.nn.init.constant_(tagger.head.classifier.bias[i], 4.0 * label.startswith("I-"))  # for long entities
    tagger.train(False)
    return Predictor.of(tagger, load_tokenizer(folder))


def test_groups_are_those_of_transformers(predictor: Predictor, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    predictor.save(tmp_path)
    pipeline: Any = transformers.pipeline(
        "token-classification", model=str(tmp_path), aggregation_strategy="first", device="cpu"
    )
    found = predictor.predict(sentences(TEXT))
    assert isinstance(found, list)
    n_entities = n_long = 0
    for prediction in found:
        theirs = pipeline(prediction.sentence.text)
        ours = prediction.to_dicts()
        start = prediction.sentence.start_char
        assert [(d["entity_group"], d["start"], d["end"]) for d in ours] == [
            (d["entity_group"], d["start"] + start, d["end"] + start) for d in theirs
        ]
        for own, other in zip(ours, theirs, strict=True):
            assert own.keys() == other.keys()
            assert own["word"] == TEXT[own["start"] : own["end"]]
            if own["word"].replace(" ", "").isalnum():
                assert own["word"] == other["word"]
            if own["word"].isalnum():
                assert own["score"] == pytest.approx(other["score"], abs=1e-5)
            n_long += " " in own["word"]
        n_entities += len(ours)
    assert n_entities > 10
    assert n_long > 0


def test_offsets_count_in_the_whole_text() -> None:
    sentence = Sentence(("Ada", "wrote", "."), text="Ada wrote.", start_char=20)
    prediction = Prediction(sentence, ("B-per", "O", "O"), (Span("per", 0, 1, 0.5, 0, 3),))
    assert prediction.offsets_of(prediction.spans[0]) == (20, 23)
    assert prediction.to_dicts() == [{"entity_group": "per", "score": 0.5, "word": "Ada", "start": 20, "end": 23}]


def test_offsets_are_unknown_without_a_text() -> None:
    prediction = Prediction(Sentence(("Ada", "May")), ("B-per", "I-per"), (Span("per", 0, 2),))
    assert prediction.to_dicts() == [
        {"entity_group": "per", "score": None, "word": "Ada May", "start": None, "end": None}
    ]
