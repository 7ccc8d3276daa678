from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from commands import Result
from nomina.data.formats import read
from nomina.data.formats.writing import write
from nomina.data.tags import Scheme
from nomina.encoding.tokenizers import load_tokenizer
from nomina.encoding.vocabulary import Vocabulary
from nomina.inference import Predictor
from nomina.model import Tagger

pytest.importorskip("onnx", reason="needs the extra nomina[onnx]")
pytest.importorskip("onnxruntime", reason="needs the extra nomina[onnx]")

CORPUS = read("sample")[:12]
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def model(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "model"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tagger = Tagger.from_encoder(str(tiny_bert), labels=list(Vocabulary.of_labels(CORPUS.stats().types)))
        torch.nn.init.normal_(tagger.head.classifier.weight, std=0.3)
    Predictor.of(tagger, load_tokenizer(str(tiny_bert))).save(folder)
    return folder


@pytest.fixture(scope="module")
def dev(model: Path) -> Path:
    """A file with the labels that the model itself gives."""
    found = Predictor.load(model).predict(CORPUS.sentences)
    assert isinstance(found, list)
    sentences = tuple(replace(s, labels=p.labels) for s, p in zip(CORPUS, found, strict=True))
    path = model.parent / "dev.jsonl"
    write(replace(CORPUS, sentences=sentences, scheme=Scheme.IOB2), path, format="jsonl")
    return path


def test_from_a_model_to_labels(run: Run, model: Path) -> None:
    result = run("export", model, "--onnx")
    assert result.code == 0, result.err
    folder = model.with_name("model-onnx")
    assert f"try: nomina predict {folder}" in result.err
    assert "size, MB" in result.out
    own, found = (run("predict", name, stdin=b"Ada met Grace in London .\n").out for name in (model, folder))
    assert own == found
    assert found.startswith("Ada\t")
    again = run("export", model, "--onnx")
    assert again.code == 2
    assert "exists" in again.err
    result = run("export", model, "--onnx", "--overwrite", "--quiet", "--json")
    assert result.err == ""
    facts = json.loads(result.out)
    assert facts["folder"] == str(folder)
    assert facts["n_equal"] == facts["n_words"]


def test_int8_with_a_bound(run: Run, model: Path, dev: Path, tmp_path: Path) -> None:
    arguments = ("export", model, "--onnx", "--int8", "--dev", dev, "--output", tmp_path / "out")
    result = run(*arguments, "--max-f1-loss", "0.001")
    assert result.code == 1
    assert "the export was not kept" in result.err
    assert not (tmp_path / "out").exists()
    result = run(*arguments, "--max-f1-loss", "100")
    assert result.code == 0, result.err
    assert "F1 loss, points" in result.out
    assert Predictor.load(tmp_path / "out").predict(["Ada"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--onnx"),
        (("--onnx", "--int8"), "--dev FILE"),
        (("--onnx", "--max-f1-loss", "-1"), "max-f1-loss"),
        (("--onnx", "--dev", "nowhere.conll"), "nowhere.conll"),
    ],
)
def test_what_is_asked_for_wrongly(
    arguments: tuple[str, ...], said: str, run: Run, model: Path, tmp_path: Path
) -> None:
    result = run("export", model, *arguments, "--output", tmp_path / "out")
    assert result.code == 2
    assert said in result.err
    assert not list(tmp_path.iterdir())
