from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nomina.errors import MissingExtraError
from nomina.model import Tagger, onnx_graph

onnx = pytest.importorskip("onnx", reason="needs the extra nomina[onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra nomina[onnx]")

EncoderFolder = Callable[[str], Path]


def test_large_weights_go_into_a_file_of_their_own(
    encoder_folder: EncoderFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "_LARGEST_FILE", 10_000)
    tagger = Tagger.from_encoder(str(encoder_folder("bert-uncased")), labels=["O", "B-x", "I-x"])
    for precision in ("fp32", "int8"):
        folder = tmp_path / precision
        folder.mkdir()
        path = folder / "model.onnx"
        if precision == "fp32":
            onnx_graph.export_graph(tagger, path, metadata={"a": "b"})
        else:
            onnx_graph.quantize_graph(tmp_path / "fp32" / "model.onnx", path)
        assert {file.name for file in folder.iterdir()} == {"model.onnx", "model.onnx.data"}
        assert onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map["a"] == "b"
    onnx_graph.quantize_graph(tmp_path / "fp32" / "model.onnx", tmp_path / "fp32" / "model.onnx")
    for name in ("model.onnx", "model.onnx.data"):
        assert (tmp_path / "fp32" / name).read_bytes() == (tmp_path / "int8" / name).read_bytes()
    monkeypatch.undo()
    onnx_graph.export_graph(tagger, tmp_path / "fp32" / "model.onnx", metadata={})
    assert [file.name for file in (tmp_path / "fp32").iterdir()] == ["model.onnx"]


def test_8_bits_are_where_they_pay(encoder_folder: EncoderFolder, tmp_path: Path) -> None:
    tagger = Tagger.from_encoder(str(encoder_folder("deberta-v3")), labels=["O", "B-x", "I-x"], head="crf")
    onnx_graph.export_graph(tagger, tmp_path / "fp32.onnx", metadata={"borders": "[]"})
    onnx_graph.quantize_graph(tmp_path / "fp32.onnx", tmp_path / "int8.onnx")
    model = onnx.load(tmp_path / "int8.onnx")
    assert [(entry.key, entry.value) for entry in model.metadata_props] == [("borders", "[]")]
    weights = {weight.name: onnx.numpy_helper.to_array(weight) for weight in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    assert len(products) == 2 * 6  # query, key, value, output and two of the feed-forward in each of two layers
    for node in products:
        weight = weights[node.input[1]]
        assert weight.dtype == np.int8
        assert np.abs(weight.astype(int)).max() <= 64  # 7 bits
    heads = [node for node in model.graph.node if node.op_type == "MatMul" and "/head/" in node.name]
    assert [weights[node.input[1]].dtype for node in heads] == [np.float32]


def test_missing_packages_are_named(
    encoder_folder: EncoderFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger.from_encoder(str(encoder_folder("bert-uncased")), labels=["O"])
    monkeypatch.setitem(sys.modules, "onnxruntime.quantization", None)
    with pytest.raises(MissingExtraError, match=r"'onnxruntime'.*nomina\[onnx\]"):
        onnx_graph.quantize_graph(tmp_path / "fp32.onnx", tmp_path / "int8.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"'onnx'.*nomina\[onnx\]"):
        onnx_graph.export_graph(tagger, tmp_path / "fp32.onnx", metadata={})
