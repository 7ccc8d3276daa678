from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nomina import exporting
from nomina.data.corpus import Corpus
from nomina.data.formats import read
from nomina.data.tags import Scheme
from nomina.encoding.tokenizers import load_tokenizer, store_word_pieces
from nomina.encoding.vocabulary import Vocabulary
from nomina.errors import ConfigError, DataError, ExportError, ModelError, OutputError
from nomina.inference import Predictor
from nomina.model import Tagger, onnx_graph

onnx = pytest.importorskip("onnx", reason="needs the extra nomina[onnx]")
pytest.importorskip("onnxruntime", reason="needs the extra nomina[onnx]")

CORPUS = read("sample")[:25]
CARD = '---\nlibrary_name: "transformers"\n---\n\n# model\n\nWhat it is.\n\n## Use\n\nSo.\n'


@pytest.fixture(scope="module")
def model(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model with random weights and some of the files that training leaves."""
    folder = tmp_path_factory.mktemp("exporting") / "model"
    pos = Vocabulary.of_feature(s.features["pos"] for s in CORPUS)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        features = [{"name": "pos", "values": list(pos), "dim": 5}]
        labels = list(Vocabulary.of_labels(CORPUS.stats().types))
        tagger = Tagger.from_encoder(str(tiny_bert), labels=labels, features=features)
        torch.nn.init.normal_(tagger.head.classifier.weight, std=0.3)
    Predictor.of(tagger, load_tokenizer(str(tiny_bert))).save(folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    (folder / "run.toml").write_text("seed = 13\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def dev(model: Path) -> Corpus:
    """The corpus as the model itself labels it: its F1 is 1."""
    found = Predictor.load(model).predict(CORPUS.sentences)
    assert isinstance(found, list)
    sentences = tuple(replace(s, labels=p.labels) for s, p in zip(CORPUS, found, strict=True))
    return replace(CORPUS, sentences=sentences, scheme=Scheme.IOB2, source="dev")


def test_everything_that_belongs_to_an_export(model: Path, tmp_path: Path) -> None:
    said: list[str] = []
    exported = exporting.export(model, tmp_path / "out", say=said.append)
    names = {path.name for path in exported.folder.iterdir()}
    assert names == {
        "README.md",
        "config.json",
        "export.json",
        "model.onnx",
        "run.toml",
        "special_pieces.json",
        "tokenizer.json",
    }
    facts = exported.facts
    assert facts.n_equal == facts.n_words > 2000
    assert facts.score_difference < 1e-5
    assert facts.f1_loss is None
    record = json.loads((exported.folder / "export.json").read_text(encoding="utf-8"))
    assert record["n_equal"] == facts.n_equal
    assert record["exported"]["n_bytes"] == (exported.folder / "model.onnx").stat().st_size
    assert set(record["versions"]) == {"nomina", "onnx", "onnxruntime", "torch", "transformers"}
    card = (exported.folder / "README.md").read_text(encoding="utf-8")
    assert f"all of {facts.n_words:,} words of the sample corpus" in card
    assert card.index("What it is.") < card.index("## Export") < card.index("## Use")
    assert len(said) == 1


def test_int8_is_measured_on_the_dev_part(model: Path, dev: Corpus, tmp_path: Path) -> None:
    exported = exporting.export(model, tmp_path / "out", precision="int8", dev=dev, max_f1_loss=100)
    facts = exported.facts
    assert facts.torch.f1 == 1.0
    assert facts.exported.f1 is not None
    assert facts.f1_loss is not None
    assert facts.f1_loss == pytest.approx(100 * (1 - facts.exported.f1))
    assert 0.9 < facts.equal_share < 1
    assert facts.exported.n_bytes == (exported.folder / "model.onnx").stat().st_size
    assert facts.exported.words_per_s is not None
    assert facts.exported.words_per_s > 0
    again = Predictor.load(exported.folder)
    gold = np.array([label for sentence in dev for label in sentence.labels or ()])
    predictions = again.predict(dev.sentences)
    assert isinstance(predictions, list)
    assert np.mean(gold == np.array([label for p in predictions for label in p.labels])) == facts.equal_share
    assert exported.to_dict()["f1_loss"] == facts.f1_loss


def test_int8_that_loses_too_much_is_not_kept(model: Path, dev: Corpus, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"to lose 0\.01 points of F1 at most, found \d+\.\d+ .* 25 sentences of dev"):
        exporting.export(model, tmp_path / "out", precision="int8", dev=dev, max_f1_loss=0.01)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["weights", "tokenizer"])
def test_an_export_that_differs_is_not_kept(
    what: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = onnx_graph.export_graph

    def with_another_bias(tagger: Tagger, path: Path, **options: Any) -> None:
        write(tagger, path, **options)
        graph = onnx.load(path)
        [bias] = [weight for weight in graph.graph.initializer if weight.name.endswith("classifier.bias")]
        values = onnx.numpy_helper.to_array(bias) + 1e-3 * np.arange(bias.dims[0], dtype=np.float32)
        bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
        onnx.save(graph, path)

    def in_capitals(tokenizer: Any, folder: Path) -> None:
        store_word_pieces(tokenizer, folder)
        path = folder / "tokenizer.json"
        path.write_text(path.read_text(encoding="utf-8").replace('"lowercase": true', '"lowercase": false'), "utf-8")

    if what == "weights":
        monkeypatch.setattr(onnx_graph, "export_graph", with_another_bias)
    else:
        monkeypatch.setattr(exporting, "store_word_pieces", in_capitals)
    expected = {"weights": "with probabilities within 0.0001, found", "tokenizer": "tokenizer cuts words otherwise"}
    with pytest.raises(ExportError, match=expected[what]) as caught:
        exporting.export(model, tmp_path / "out")
    assert caught.value.exit_code == 1
    assert not list(tmp_path.iterdir())


def test_nothing_is_replaced_unasked(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    first = exporting.export(model, out)  # an empty folder holds nothing that could be lost
    with pytest.raises(OutputError, match="exists"):
        exporting.export(model, out)
    (out / "export.json").write_text("{}", encoding="utf-8")
    assert exporting.export(model, out, overwrite=True).facts.n_words == first.facts.n_words
    assert (out / "export.json").stat().st_size > 10
    for other in (model, tmp_path):
        with pytest.raises(OutputError, match="holds no export"):
            exporting.export(model, other, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(ModelError, match="found an export in"):
        exporting.export(out, tmp_path / "again")


def test_what_is_asked_for_wrongly_is_said_at_once(model: Path, dev: Corpus, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--dev FILE"):
        exporting.export(model, tmp_path / "out", precision="int8")
    bare = replace(dev, sentences=tuple(replace(sentence, labels=None) for sentence in dev))
    with pytest.raises(DataError, match="expected sentences with entity tags"):
        exporting.export(model, tmp_path / "out", dev=bare)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot make the folder"):
        exporting.export(model, tmp_path / "file" / "out")


def test_where_an_export_goes_if_nothing_is_said(model: Path) -> None:
    assert exporting.default_output(model, "fp32") == model.with_name("model-onnx")
    assert exporting.default_output(f"{model}/", "int8") == model.with_name("model-onnx-int8")
    assert exporting.default_output("someone/ner", "fp32") == Path("ner-onnx")
