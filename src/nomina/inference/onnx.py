"""The network as ONNX Runtime computes it: an exported folder, opened without torch and without transformers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nomina.encoding.arrays import BatchArrays
from nomina.encoding.word_pieces import SPECIAL_PIECES, WordPieces
from nomina.errors import MissingExtraError, ModelError
from nomina.inference.network import Loaded, WordScores

__all__ = ["GRAPH", "ExportedSettings", "OnnxNetwork", "graph_facts", "load_onnx"]

GRAPH = "model.onnx"
"""File of an exported folder that holds the network."""

_FILES = (GRAPH, f"{GRAPH}.data", "tokenizer.json", SPECIAL_PIECES)
_LOGITS, _TAGS = "logits", "tags"


@dataclass
class ExportedSettings:
    """What ``config.json`` says, as :class:`nomina.model.TaggerConfig` does, read without transformers."""

    encoder: Mapping[str, Any]
    labels: tuple[str, ...]
    features: tuple[Mapping[str, Any], ...]
    scheme: str
    constrained: bool
    encoder_name: str = ""
    pos_source: str = "none"
    trained_on_source: bool = False
    context: str = "sentence"
    max_pieces: int = 0
    span_temperature: float = 1.0

    @classmethod
    def load(cls, path: Path) -> ExportedSettings:
        """Read ``config.json``.

        Raises:
            ModelError: If the file is missing, damaged or of another kind of model.
        """
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            names = {int(i): name for i, name in config["id2label"].items()}
            given = {field.name: config[field.name] for field in fields(cls) if field.name in config}
            given |= {"labels": tuple(names[i] for i in range(len(names))), "features": tuple(config["features"])}
            return cls(**given)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"expected what nomina export wrote in {path}, could not read it: {error!r}") from error


class OnnxNetwork:
    """A graph of :func:`nomina.model.onnx_graph.export_graph`, on the CPU.

    Args:
        folder: The exported folder.

    Raises:
        MissingExtraError: If ``onnxruntime`` is not installed.
        ModelError: If the folder is incomplete or damaged.
    """

    device = "cpu"
    batch_pieces = 512
    """So many pieces' vectors stay in a core's cache from one operation to the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = ExportedSettings.load(folder / "config.json")
        self._session = _open(folder / GRAPH)
        self._inputs = [tensor.name for tensor in self._session.get_inputs()]
        outputs = {tensor.name: tensor.shape for tensor in self._session.get_outputs()}
        n_labels = outputs.get(_LOGITS, [None])[-1]
        if n_labels != len(self.settings.labels):
            raise ModelError(
                f"expected scores of the {len(self.settings.labels)} labels of config.json in {folder / GRAPH}, found "
                f"{n_labels}; export the model again"
            )
        self.has_tag_head = _TAGS in outputs
        self._outputs = [_LOGITS, _TAGS] if self.has_tag_head else [_LOGITS]
        try:
            facts = self._session.get_modelmeta().custom_metadata_map
            self.max_pieces = int(facts["max_pieces"])
            rows = json.loads(facts["borders"])
            self.borders = None if rows is None else np.array(rows, dtype=np.float32)
        except (KeyError, ValueError) as error:
            raise ModelError(
                f"expected a graph that nomina export wrote in {folder / GRAPH}, found one without {error}"
            ) from error

    @property
    def n_threads(self) -> int:
        """One batch for each CPU that this process may use, or as many as ``OMP_NUM_THREADS`` says."""
        asked = os.environ.get("OMP_NUM_THREADS", "")
        if asked.isdigit() and int(asked):
            return int(asked)
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def at_work(self, n_threads: int) -> AbstractContextManager[None]:
        """Nothing to prepare: a session takes calls from several threads."""
        return nullcontext()

    def score(self, batch: BatchArrays) -> WordScores:
        """Score the words of one batch."""
        arrays: Mapping[str, Any] = batch
        logits, *tags = self._session.run(self._outputs, {name: arrays[name] for name in self._inputs})
        return WordScores(logits, tags[0] if tags else None)

    def save(self, folder: str) -> None:
        """Copy the folder's files, with the temperature as it is now."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, Path(folder) / name)
        config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        config["span_temperature"] = self.settings.span_temperature
        (Path(folder) / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def graph_facts(max_pieces: int, borders: npt.NDArray[np.float32] | None) -> dict[str, str]:
    """What a graph carries with it besides the network.

    Args:
        max_pieces: The most word pieces of a window.
        borders: A CRF's scores of labels that follow one another, [L + 1, L + 1].
    """
    return {"max_pieces": str(max_pieces), "borders": json.dumps(None if borders is None else borders.tolist())}


def load_onnx(folder: str | Path) -> Loaded:
    """Open a folder with ``model.onnx``.

    Args:
        folder: What ``nomina export`` wrote.

    Raises:
        EncoderError: If the tokenizer cannot be loaded.
        MissingExtraError: If ``onnxruntime`` is not installed.
        ModelError: If the folder is incomplete or damaged.
    """
    network = OnnxNetwork(Path(folder))
    return Loaded(network, WordPieces.load(folder), network.max_pieces)


def _open(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "onnx") from error
    options = onnxruntime.SessionOptions()
    # Threads that each score a batch of their own wait less than threads that share one.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # they are kept for each shape of a batch, and there is no end of shapes
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            str(path),
            options,
            providers=["CPUExecutionProvider"],
            # The sum and its norm in one operation take three times as long as the two.
            disabled_optimizers=["SkipLayerNormFusion"],
        )
    except Exception as error:  # the library's own classes have no base of their own
        raise ModelError(f"the graph in {path} cannot be loaded: {error}") from error
