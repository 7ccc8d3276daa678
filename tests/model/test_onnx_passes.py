from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nomina.model import Tagger, onnx_graph, onnx_passes

onnx = pytest.importorskip("onnx", reason="needs the extra nomina[onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra nomina[onnx]")

EncoderFolder = Callable[[str], Path]
N_ROWS = onnx_passes._MANY_ROWS


def run(model: Any, feeds: dict[str, Any]) -> list[Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = [tensor.name for tensor in session.get_inputs()]  # a tagger without features takes none
    outputs: list[Any] = session.run(None, {name: feeds[name] for name in wanted})
    return outputs


@pytest.mark.parametrize("architecture", ["bert-uncased", "roberta", "distilbert", "deberta-v3", "modernbert"])
def test_the_last_feed_forward_sees_words_alone(
    architecture: str, encoder_folder: EncoderFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger.from_encoder(str(encoder_folder(architecture)), labels=["O", "B-x", "I-x"])
    onnx_graph.export_graph(tagger, tmp_path / "rewritten.onnx", metadata={"a": "b"})
    monkeypatch.setattr(onnx_graph, "words_only", lambda graph: None)
    onnx_graph.export_graph(tagger, tmp_path / "plain.onnx", metadata={})
    plain, rewritten = (onnx.load(tmp_path / f"{name}.onnx") for name in ("plain", "rewritten"))
    assert [(entry.key, entry.value) for entry in rewritten.metadata_props] == [("a", "b")]
    assert len(list(tmp_path.iterdir())) == 2

    rng = np.random.default_rng(0)
    feeds = {
        "input_ids": rng.integers(5, 300, size=(3, 19)),
        "attention_mask": np.tril(np.ones((3, 19), dtype=np.int64), k=16),
        "first_pieces": rng.integers(0, 17, size=(3, 4)),
        "feature_ids": np.zeros((3, 4, 0), dtype=np.int64),
    }
    expected, found = (run(with_widest(model), feeds) for model in (plain, rewritten))
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    # Of the feed-forwards' inner vectors, those of the last layer are there for words alone.
    assert [inner.shape[:2] for inner in expected[1:]] == [(3, 19), (3, 19)]
    assert [inner.shape[:2] for inner in found[1:]] == [(3, 19), (3, 4)]


def with_widest(model: Any) -> Any:
    """The same graph with what its activation functions give as further outputs."""
    inner = [node.output[0] for node in model.graph.node if node.op_type == "Gelu"]
    assert len(inner) == 2
    for name in inner:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return model


def lookup(table: Any, n_lookups: int = 1) -> Any:
    names = [f"out{i}" for i in range(n_lookups)]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gather", ["table", "ids"], [name], name=f"lookup_{name}") for name in names],
        "lookup",
        [onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["n"])],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", table.shape[1]]) for name in names],
        [onnx.numpy_helper.from_array(table, "table")],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)


def test_each_row_is_rounded_by_its_own_scale() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(N_ROWS, 8)).astype(np.float32) * np.logspace(-6, 3, N_ROWS, dtype=np.float32)[:, None]
    table[7] = 0.0
    model = lookup(table, n_lookups=2)
    size = len(model.SerializeToString())
    onnx_passes.rows_in_8_bits(model.graph)
    onnx.checker.check_model(model)
    assert len(model.SerializeToString()) < 0.5 * size
    ids = np.arange(N_ROWS)
    first, second = run(model, {"ids": ids})
    assert np.array_equal(first, second)
    assert (np.abs(first - table).max(1) <= np.abs(table).max(1) / 127 / 2 * 1.001).all()


def test_small_tables_stay_as_they_are() -> None:
    table = np.random.default_rng(0).normal(size=(N_ROWS - 1, 4)).astype(np.float32)
    model = lookup(table)
    before = model.SerializeToString()
    onnx_passes.rows_in_8_bits(model.graph)
    assert model.SerializeToString() == before
