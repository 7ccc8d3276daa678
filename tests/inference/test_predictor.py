from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from encoders import ARCHITECTURES
from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.encoding.batches import collate
from nomina.encoding.tokenizers import load_tokenizer
from nomina.encoding.vocabulary import Vocabulary
from nomina.errors import EncoderError, ModelError
from nomina.inference import Prediction, Predictor
from nomina.inference.torch_network import choose_device
from nomina.model import Tagger

CORPUS = read("sample")[:25]
TEXT = "Mr.  Smith didn't visit\u00a0Paris (in M\u00e4rz) \u2014 caf\u00e9s closed."
MakePredictor = Callable[[str], Predictor]


@pytest.fixture(scope="module")
def predictor(encoder_folder: Callable[[str], Path]) -> MakePredictor:
    """An untrained predictor that reads POS tags; its labels are random, but depend on words and tags."""

    @cache
    def make(architecture: str) -> Predictor:
        folder = str(encoder_folder(architecture))
        pos = Vocabulary.of_feature(s.features["pos"] for s in CORPUS)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            tagger = Tagger.from_encoder(
                folder,
                labels=list(Vocabulary.of_labels(CORPUS.stats().types)),
                features=[{"name": "pos", "values": list(pos), "dim": 8}],
                feature_dropout=0.5,
            )
            torch.nn.init.normal_(tagger.head.classifier.weight)  # scores that differ
        tagger.train(False)
        return Predictor.of(tagger, load_tokenizer(folder))

    return make


@pytest.fixture
def bert(predictor: MakePredictor) -> Predictor:
    return predictor("bert-cased")


@pytest.fixture
def model_folder(bert: Predictor, tmp_path: Path) -> Path:
    bert.save(tmp_path / "model")
    return tmp_path / "model"


def one(prediction: Prediction | list[Prediction]) -> Prediction:
    assert isinstance(prediction, Prediction)
    return prediction


def many(predictions: Prediction | list[Prediction]) -> list[Prediction]:
    assert isinstance(predictions, list)
    return predictions


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "minilm"])
def test_saved_and_loaded_probabilities_are_equal_to_the_bit(
    architecture: str, predictor: MakePredictor, tmp_path: Path
) -> None:
    first = predictor(architecture)
    first.save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".safetensors", ".txt"}
    again = Predictor.load(tmp_path, device="cpu")
    assert not again.model.training
    assert (again.labels, again.features, again.scheme) == (first.labels, first.features, first.scheme)
    assert again.max_pieces == first.max_pieces == (8192 if architecture == "modernbert" else 512)
    ids, probabilities, _ = first.label(first.encode(CORPUS))
    again_ids, again_probabilities, _ = again.label(again.encode(CORPUS))
    assert (again_ids == ids).all()
    assert (again_probabilities == probabilities).all()
    assert len(set(ids.tolist())) > 3
    assert ((1 / len(first.labels) <= probabilities) & (probabilities <= 1)).all()


def test_all_kinds_of_input(bert: Predictor) -> None:
    sentence = CORPUS[0]
    expected = bert.predict(sentence)
    words = list(sentence.words)
    assert expected.sentence == sentence
    assert len(expected.labels) == len(words)
    assert one(bert.predict(words, features={"pos": sentence.features["pos"]})).labels == expected.labels
    assert bert.predict(" ".join(words), features={"pos": sentence.features["pos"]}).labels == expected.labels
    assert [p.labels for p in many(bert.predict(CORPUS))] == [bert.predict(s).labels for s in CORPUS]
    assert many(bert.predict(CORPUS)) == many(bert.predict(list(CORPUS))) == many(bert.predict(iter(CORPUS)))
    bare = many(bert.predict([list(s.words) for s in CORPUS[:3]]))
    assert [p.labels for p in bare] == [one(bert.predict(list(s.words))).labels for s in CORPUS[:3]]


def test_nothing_to_label(bert: Predictor) -> None:
    for nothing in ("", "  \n", Sentence(())):
        empty = one(bert.predict(nothing))
        assert (empty.labels, empty.spans) == ((), ())
    assert bert.predict([]) == []
    first, empty, last = many(bert.predict([["Paris"], [], ["in", "March"]]))
    assert [len(first.labels), len(empty.labels), len(last.labels)] == [1, 0, 2]


def test_order_is_kept_whatever_the_batches(bert: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = [CORPUS[i] for i in np.random.default_rng(0).permutation(len(CORPUS))] + [Sentence(())]
    expected = [bert.predict(sentence).labels for sentence in mixed]
    for batch_pieces in (1, 50, 500, 100_000):
        monkeypatch.setattr(bert, "batch_pieces", batch_pieces)
        predictions = many(bert.predict(mixed))
        assert [p.sentence for p in predictions] == mixed
        assert [p.labels for p in predictions] == expected


@pytest.mark.parametrize("architecture", ["bert-cased", "roberta", "deberta-v3"])
def test_a_long_sentence_is_labelled_to_its_end(architecture: str, predictor: MakePredictor) -> None:
    words = [word for s in read("sample") for word in s.words][:2_000]
    reader = predictor(architecture)
    prediction = one(reader.predict(words))
    assert len(prediction.labels) == 2_000
    windows = reader.encode([prediction.sentence])
    assert len(windows) > 4
    for row, (start, _, first, last) in enumerate(windows.spans.tolist()):  # each by itself, without padding
        batch: dict[str, Any] = {**collate(windows, [row]), "labels": None}
        best = reader.model(**batch).logits[0].argmax(-1).tolist()
        expected = [reader.labels.values[best[word - start]] for word in range(first, last)]
        assert list(prediction.labels[first:last]) == expected


def test_features_count_and_missing_ones_are_unknown(bert: Predictor) -> None:
    sentence = CORPUS[0]
    words = list(sentence.words)
    unknown = one(bert.predict(words)).labels
    assert unknown == one(bert.predict(words, features={"pos": ["never seen"] * len(words)})).labels
    tagged = bert.predict(Sentence(sentence.words), features={"pos": sentence.features["pos"]})
    assert tagged.labels == bert.predict(sentence).labels != unknown
    ignored = Sentence(sentence.words, {**sentence.features, "lemma": sentence.words})
    assert bert.predict(ignored).labels == tagged.labels


def test_given_features_replace_those_of_the_sentence(bert: Predictor) -> None:
    other = ("NNP",) * len(CORPUS[0])
    prediction = bert.predict(CORPUS[0], features={"pos": other})
    assert prediction.sentence.features == {"pos": other}
    assert prediction.sentence.labels == CORPUS[0].labels
    assert prediction.sentence.line == CORPUS[0].line


def test_spans_stand_in_the_text(bert: Predictor) -> None:
    prediction = bert.predict(TEXT)
    assert prediction.spans
    for span in prediction.spans:
        assert span.start_char is not None
        assert span.end_char is not None
        words = prediction.sentence.words[span.start : span.end]
        assert "".join(TEXT[span.start_char : span.end_char].split()) == "".join(words)
        assert span.score is not None
        assert 0 < span.score <= 1


def test_a_temperature_is_saved_and_changes_scores_alone(bert: Predictor, model_folder: Path, tmp_path: Path) -> None:
    assert bert.span_temperature == 1.0
    plain = many(bert.predict(CORPUS))
    cooled = Predictor.load(model_folder, device="cpu")
    cooled.span_temperature = 2.5
    cooled.save(tmp_path / "cooled")
    again = Predictor.load(tmp_path / "cooled", device="cpu")
    assert again.span_temperature == 2.5
    calibrated = many(again.predict(CORPUS))
    assert calibrated == plain  # labels, and spans but for their scores
    before, after = (np.array([s.score for p in found for s in p.spans], dtype=float) for found in (plain, calibrated))
    odds = before / (1 - before)
    np.testing.assert_allclose(after, odds ** (1 / 2.5) / (1 + odds ** (1 / 2.5)), rtol=1e-6)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="a temperature above 0"):
            again.span_temperature = wrong


def test_a_folder_from_before_temperatures_has_none(model_folder: Path, bert: Predictor) -> None:
    path = model_folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    del config["span_temperature"]
    path.write_text(json.dumps(config), encoding="utf-8")
    old = Predictor.load(model_folder, device="cpu")
    assert old.span_temperature == 1.0
    first, second = many(bert.predict(CORPUS)), many(old.predict(CORPUS))
    assert [[s.score for s in p.spans] for p in first] == [[s.score for s in p.spans] for p in second]


def test_a_training_model_predicts_without_dropout_and_goes_on_training(bert: Predictor) -> None:
    bert.model.train()
    first, second = bert.predict(CORPUS[0]), bert.predict(CORPUS[0])
    assert first == second
    assert [s.score for s in first.spans] == [s.score for s in second.spans]
    assert bert.model.training
    bert.model.train(False)


@pytest.mark.parametrize(
    ("inputs", "features", "message"),
    [
        (["Paris"], {"lemma": ["Paris"]}, "reads the token features: pos; found lemma"),
        (["Paris", "fell"], {"pos": ["NNP"]}, "expected 2 values of 'pos', one per word, found 1"),
        ("Paris fell", {"pos": ["NNP"]}, "expected 2 values of 'pos'"),
        ([["Paris"], ["fell"]], {"pos": ["NNP", "VBD"]}, "goes with one sentence"),
        ([Sentence(("Paris",)), "fell"], None, "found strings among sentences"),
    ],
)
def test_requests_that_do_not_fit(inputs: Any, features: Any, message: str, bert: Predictor) -> None:
    with pytest.raises(ModelError, match=message):
        bert.predict(inputs, features=features)


@pytest.mark.parametrize(
    ("model", "tokenizer", "expected"), [(0, 512, 512), (40, 512, 40), (600, 512, 512), (0, 99, 99)]
)
def test_the_tightest_limit_holds(
    model: int, tokenizer: int, expected: int, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, tagger_tokenizer = Predictor.load(model_folder), load_tokenizer(str(model_folder))
    loaded.model.config.max_pieces = model
    tagger_tokenizer.model_max_length = tokenizer
    assert Predictor.of(loaded.model, tagger_tokenizer).max_pieces == expected
    monkeypatch.setattr(Tagger, "encoder_limit", None)
    loaded.model.config.max_pieces = 0
    tagger_tokenizer.model_max_length = 10**30
    assert Predictor.of(loaded.model, tagger_tokenizer).max_pieces == 512


def test_another_kind_of_model(encoder_folder: Callable[[str], Path]) -> None:
    with pytest.raises(ModelError, match="found a model of type 'bert'"):
        Predictor.load(encoder_folder("bert-cased"))


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_an_incomplete_folder(missing: str, model_folder: Path, tmp_path: Path) -> None:
    (model_folder / missing).unlink()
    for folder in (model_folder, tmp_path / "nowhere"):
        with pytest.raises(ModelError, match="expected a model folder with"):
            Predictor.load(folder)


def test_a_folder_without_tokenizer(model_folder: Path) -> None:
    for path in model_folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(EncoderError, match="expected a tokenizer"):
        Predictor.load(model_folder)


def test_damaged_weights(model_folder: Path) -> None:
    weights = model_folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="cannot be loaded"):
        Predictor.load(model_folder)


def test_missing_weights(model_folder: Path) -> None:
    tensors = load_file(model_folder / "model.safetensors")
    del tensors["head.classifier.weight"]
    save_file(tensors, model_folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lack 1 parameters, such as 'head\.classifier\.weight'"):
        Predictor.load(model_folder)


def test_weights_of_another_size(model_folder: Path, predictor: MakePredictor, tmp_path: Path) -> None:
    predictor("roberta").save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.safetensors", model_folder)
    with pytest.raises(ModelError):
        Predictor.load(model_folder)


def test_damaged_config(model_folder: Path) -> None:
    (model_folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be loaded"):
        Predictor.load(model_folder)


def test_devices() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert choose_device() == torch.device("cpu")


@pytest.mark.parametrize("value", ["x", None, 0, -1, float("nan"), float("inf")])
def test_a_temperature_that_is_none(model_folder: Path, value: object) -> None:
    config = json.loads((model_folder / "config.json").read_text())
    (model_folder / "config.json").write_text(json.dumps(config | {"span_temperature": value}))
    with pytest.raises(ModelError, match="span_temperature: expected a number above 0"):
        Predictor.load(model_folder)
