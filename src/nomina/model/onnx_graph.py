"""A tagger as one ONNX graph: encoder, features, fusion, head and joint head.

The graph comes from torch's exporter by tracing. The newer one (``dynamo=True``) makes a graph of the same speed, and
takes twenty times as long. What tracing may get wrong, a size of the example that stays fixed, shows in the comparison
with torch that ends each export.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from nomina.errors import MissingExtraError
from nomina.model.onnx_passes import rows_in_8_bits, words_only
from nomina.model.tagger import Tagger

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["INPUTS", "LOGITS", "TAGS", "export_graph", "quantize_graph"]

INPUTS = ("input_ids", "attention_mask", "first_pieces", "feature_ids")
LOGITS, TAGS = "logits", "tags"
"""Outputs: scores of labels, float32 ``[B, W, L]``; with a joint head its best tags, int64 ``[B, W]``."""

_OPSET = 20
_PIECES = ("input_ids", "attention_mask")
_ENCODER = "/tagger/encoder/"
_LARGEST_FILE = 1_900_000_000
"""Bytes of weights that one file holds; protobuf ends at 2 GiB."""


class _Scores(nn.Module):
    """A tagger's outputs as a plain tuple."""

    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output = self.tagger(**dict(zip(INPUTS, inputs, strict=True)))
        if output.tag_logits is None:
            return (output.logits,)
        return output.logits, output.tag_logits.argmax(-1)


def export_graph(tagger: Tagger, path: Path, *, metadata: Mapping[str, str]) -> None:
    """Write a tagger as an ONNX graph whose batches, pieces and words may be any number.

    Args:
        tagger: On any device, in any mode; left as it was.
        path: File to write. Weights beyond 1.9 GB go into a file beside it, with ``.data`` at its end.
        metadata: What the graph shall carry with it.

    Raises:
        MissingExtraError: If ``onnx`` is not installed.
    """
    onnx = _onnx()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, _as_exported(tagger):
        traced = Path(folder) / "traced.onnx"
        names = (LOGITS,) if tagger.tag_head is None else (LOGITS, TAGS)
        axes = {name: {0: "batch", 1: "pieces" if name in _PIECES else "words"} for name in (*INPUTS, *names)}
        torch.onnx.export(
            _Scores(tagger).eval(),
            _example(tagger),
            str(traced),
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(INPUTS),
            output_names=list(names),
            dynamic_axes=axes,
        )
        model = onnx.load(str(traced))
    words_only(model.graph)
    onnx.helper.set_model_props(model, dict(metadata))
    _save(model, path)


def quantize_graph(source: Path, target: Path) -> None:
    """Write a graph with 8-bit weights; its products are of 8-bit numbers, scaled anew for each batch.

    Each column of a weight has a scale of its own. Weights take 7 of the 8 bits: CPUs without VNNI add pairs of
    products in 16 bits, which 8-bit weights overflow; with 7 a graph gives the same on every CPU. The rows of large
    embedding tables are scaled one by one. Heads stay as they are: they are small, and nothing averages their errors
    out.

    Args:
        source: Graph of :func:`export_graph`.
        target: File to write; may be the same.

    Raises:
        MissingExtraError: If ``onnx`` or ``onnxruntime`` is not installed.
    """
    onnx = _onnx()
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "onnx") from error
    model = onnx.load(str(source))
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    is_large = _n_bytes(model) > _LARGEST_FILE
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        folded, quantized = (str(Path(folder) / name) for name in ("folded.onnx", "quantized.onnx"))
        # Products of weights alone (of DeBERTa's relative positions) become weights here, before any is rounded.
        quant_pre_process(str(source), folded, skip_symbolic_shape=True, save_as_external_data=is_large)
        model = onnx.load(folded)
        rows_in_8_bits(model.graph)
        quantize_dynamic(
            model,
            quantized,
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=[node.name for node in model.graph.node if node.name.startswith(_ENCODER)],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=is_large,
        )
        model = onnx.load(quantized)
    onnx.helper.set_model_props(model, metadata)
    _save(model, target)


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx") from error
    return onnx


@contextmanager
def _as_exported(tagger: Tagger) -> Iterator[None]:
    """Within, attention is spelled out in plain operations, which ONNX Runtime fuses as it likes them."""
    encoder: Any = tagger.encoder
    was_training, attention = tagger.training, encoder.config._attn_implementation
    encoder.set_attn_implementation("eager")
    tagger.eval()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # sizes that tracing fixes, and that the exporter is the older one
            yield
    finally:
        encoder.set_attn_implementation(attention)
        tagger.train(was_training)


def _example(tagger: Tagger) -> tuple[torch.Tensor, ...]:
    """Inputs of two rows, one of them padded, in the order of :data:`INPUTS`."""
    n_pieces, n_words = 8, 5
    ids = torch.arange(2 * n_pieces).reshape(2, n_pieces) % int(tagger.get_input_embeddings().num_embeddings)  # type: ignore[arg-type]
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    first_pieces = torch.arange(n_words).expand(2, n_words).clone()
    feature_ids = torch.zeros((2, n_words, len(tagger.config.features)), dtype=torch.long)
    return tuple(tensor.to(tagger.device) for tensor in (ids, mask, first_pieces, feature_ids))


def _n_bytes(model: ModelProto) -> int:
    return sum(len(weight.raw_data) for weight in model.graph.initializer)


def _save(model: ModelProto, path: Path) -> None:
    import onnx

    is_large = _n_bytes(model) > _LARGEST_FILE
    data = path.with_name(f"{path.name}.data")
    data.unlink(missing_ok=True)  # of a graph that is replaced; saving would append to it
    onnx.save(model, str(path), save_as_external_data=is_large, location=data.name)
