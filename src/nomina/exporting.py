"""A model as a folder that runs without torch, and the proof that it labels as the model does."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nomina.data.corpus import Corpus
from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.encoding.decode import tags_of
from nomina.encoding.tokenizers import store_word_pieces
from nomina.encoding.windows import Windows
from nomina.errors import ConfigError, DataError, ExportError, ModelError, OutputError
from nomina.files import check_free, exists, write_text
from nomina.inference import Predictor, Regime, TagUse, regimes_of
from nomina.inference.labelling import Labelled
from nomina.inference.onnx import GRAPH, graph_facts
from nomina.report.export import ExportFacts, Precision, Side, exported_card
from nomina.scoring import score
from nomina.training.prepare import with_scheme

if TYPE_CHECKING:
    from nomina.inference.torch_network import TorchNetwork

__all__ = ["EXPORT", "Exported", "default_output", "export"]

EXPORT = "export.json"
"""File of an exported folder that tells what was compared; the last one that is written."""

_COPIED = ("config.json", "run.toml", "scores.json", "mentions.json")
_MAX_DIFFERENCE = 1e-4
_SAMPLE_SENTENCES = 100
_LONG_WINDOW = 512
_READ: dict[Regime, TagUse] = {"source": "source", "none": "none"}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """A finished export.

    Attributes:
        folder: What :meth:`nomina.inference.Predictor.load` opens.
        facts: What was compared before it was kept.
    """

    folder: Path
    facts: ExportFacts

    def to_dict(self) -> dict[str, Any]:
        """Folder and facts as plain values for JSON."""
        return {"folder": str(self.folder), **self.facts.to_dict()}


@dataclass(frozen=True)
class _Words:
    """Words to compare two models on, encoded, with their gold labels where there are any."""

    windows: Windows
    sentences: tuple[Sentence, ...]
    gold: list[tuple[str, ...]] | None
    source: str


def default_output(model: str | Path, precision: Precision) -> Path:
    """Where an export goes if nothing is said: beside the model, with ``-onnx`` or ``-onnx-int8`` at its end.

    The export of a model on the hub goes into the working directory.
    """
    folder = Path(model)
    name = f"{folder.resolve().name}-onnx{'' if precision == 'fp32' else '-int8'}"
    return folder.with_name(name) if folder.is_dir() else Path(name)


def export(
    model: str | Path,
    output: str | Path | None = None,
    *,
    precision: Precision = "fp32",
    dev: Corpus | None = None,
    max_f1_loss: float = 0.3,
    overwrite: bool = False,
    say: Say = lambda line: None,
) -> Exported:
    """Export a model to ONNX, compare the two, and keep the export if it labels as the model does.

    In fp32 every label must be torch's, with probabilities within 1e-4: on the dev part, or without one on sentences of
    the sample corpus and one long window, with features at random. In int8 it is F1 on the dev part that counts.

    Args:
        model: A model folder, or the hub id of a model.
        output: Folder to write; by default one beside the model.
        precision: ``"fp32"``, or ``"int8"`` for weights and products in 8 bits.
        dev: Sentences with labels to compare on, cleaned.
        max_f1_loss: By how many points of F1 an export in int8 may be worse, 0 or more.
        overwrite: Whether an earlier export may be replaced.
        say: Told what happens, one line at a time.

    Raises:
        ConfigError: If int8 is asked for without a dev part.
        DataError: If the dev part has no labels.
        ExportError: If the export labels otherwise; then nothing is left of it.
        MissingExtraError: If ``onnx`` or ``onnxruntime`` is not installed.
        ModelError: If the model folder is incomplete, or an export itself.
        OutputError: If the folder exists and may not be replaced, or cannot be written.
    """
    if precision == "int8" and dev is None:
        raise ConfigError(["int8 needs labelled sentences to measure what it loses; give them (--dev FILE, dev=)"])
    if dev is not None and not dev.has_labels:
        raise DataError("expected sentences with entity tags to score against, found none", path=dev.source)
    path = default_output(model, precision) if output is None else Path(output)
    from nomina.inference.torch_network import TorchNetwork

    with _new_folder(path, overwrite=overwrite) as fresh:
        predictor = Predictor.load(model, device="cpu")
        if not isinstance(predictor.network, TorchNetwork) or predictor.folder is None:
            raise ModelError(f"expected a model folder that nomina train wrote, found an export in {model}")
        words = _sample(predictor) if dev is None else _dev(predictor, dev)
        _write(predictor.network, predictor.folder, fresh, max_pieces=predictor.max_pieces, precision=precision)
        say(f"wrote the graph in {precision}; comparing it with torch on {words.windows.n_words:,} words")
        facts = _compare(predictor, Predictor.load(fresh), words, precision)
        _check(facts, max_f1_loss)
        _describe(fresh, predictor.folder, path.resolve().name, facts)
    return Exported(path, facts)


@contextmanager
def _new_folder(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """A folder that appears under its name only when it is complete."""
    is_empty = exists(path) and path.is_dir() and not any(path.iterdir())
    if not overwrite and not is_empty:
        check_free(path)
    if exists(path) and not is_empty and not (path / EXPORT).is_file():
        raise OutputError(f"{path} exists and holds no export; choose another folder (--output, output=)")
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        fresh.mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {path}: {error.strerror}") from error
    try:
        yield fresh
        if path.exists():
            shutil.rmtree(path)
        fresh.rename(path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write(network: TorchNetwork, model: Path, folder: Path, *, max_pieces: int, precision: Precision) -> None:
    """Write all that a folder is opened from, and what the model's folder says of it."""
    from nomina.model.onnx_graph import export_graph, quantize_graph

    metadata = graph_facts(max_pieces, network.borders)
    export_graph(network.model, folder / GRAPH, metadata=metadata)
    if precision == "int8":
        quantize_graph(folder / GRAPH, folder / GRAPH)
    store_word_pieces(network.tokenizer, folder)
    for name in _COPIED:
        if (model / name).is_file():
            shutil.copyfile(model / name, folder / name)


def _dev(predictor: Predictor, dev: Corpus) -> _Words:
    gold = with_scheme(dev, predictor.scheme)
    tags = _READ.get(regimes_of(predictor, gold.sentences)[0], "auto")
    read_with = tuple(predictor.with_pos(gold.sentences, tags))
    windows = predictor.encode(read_with)
    return _Words(windows, read_with, [sentence.labels or () for sentence in gold], dev.source)


def _sample(predictor: Predictor) -> _Words:
    """Sentences of the sample and all of them as one, in one window or more, with features that are known and not."""
    sentences = read("sample").sentences[:_SAMPLE_SENTENCES]
    words = tuple(word for sentence in sentences for word in sentence.words)
    long = Sentence(words[: min(predictor.max_pieces, _LONG_WINDOW)])
    sentences = (*(Sentence(sentence.words) for sentence in sentences), long)
    windows = predictor.encode(sentences)
    sizes = np.array([len(vocabulary) for vocabulary in predictor.features.values()], dtype=np.int64)
    rng = np.random.default_rng(13)
    features = rng.integers(0, sizes, size=windows.features.shape) * rng.integers(0, 2, size=windows.features.shape)
    return _Words(replace(windows, features=features.astype(np.int32)), sentences, None, "the sample corpus")


def _compare(predictor: Predictor, exported: Predictor, words: _Words, precision: Precision) -> ExportFacts:
    twin = exported.encode(words.sentences)
    if not np.array_equal(twin.pieces, words.windows.pieces) or not np.array_equal(twin.spans, words.windows.spans):
        raise ExportError("the exported tokenizer cuts words otherwise than the model's; please report this")
    (own, own_s), (found, found_s) = (_timed(p, words.windows) for p in (predictor, exported))
    same = own.ids == found.ids
    if own.tag_ids is not None and found.tag_ids is not None:
        same &= own.tag_ids == found.tag_ids
    difference = np.abs(own.probabilities - found.probabilities)[same]
    n_words = words.windows.n_words
    folders = (predictor.folder, exported.folder)
    sides = [
        Side(
            n_bytes=_n_bytes(folder or Path()),
            f1=None if words.gold is None else _f1(predictor, words, labelled),
            words_per_s=None if words.gold is None else n_words / seconds,
        )
        for folder, labelled, seconds in zip(folders, (own, found), (own_s, found_s), strict=True)
    ]
    return ExportFacts(
        precision=precision,
        source=words.source,
        n_sentences=words.windows.n_sentences,
        n_words=n_words,
        n_equal=int(same.sum()),
        score_difference=float(difference.max(initial=0.0)),
        torch=sides[0],
        exported=sides[1],
    )


def _timed(predictor: Predictor, windows: Windows) -> tuple[Labelled, float]:
    start = time.perf_counter()
    labelled = predictor.label(windows)
    return labelled, time.perf_counter() - start


def _f1(predictor: Predictor, words: _Words, labelled: Labelled) -> float:
    assert words.gold is not None
    found = tags_of(labelled.ids, predictor.labels.values, words.windows.sentence_offsets)
    return score(words.gold, found, predictor.scheme).default.f1


def _n_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.name.startswith((GRAPH, "model.safetensors")))


def _check(facts: ExportFacts, max_f1_loss: float) -> None:
    if facts.precision == "fp32":
        if facts.n_equal < facts.n_words or facts.score_difference > _MAX_DIFFERENCE:
            raise ExportError(
                f"expected the labels of torch with probabilities within {_MAX_DIFFERENCE:g}, found that {facts.line}; "
                "the export was not kept. Please report this, with the encoder's name"
            )
    elif facts.f1_loss is not None and facts.f1_loss > max_f1_loss:
        raise ExportError(
            f"expected to lose {max_f1_loss:g} points of F1 at most, found {facts.f1_loss:.2f} (torch "
            f"{facts.torch.f1:.4f}, int8 {facts.exported.f1:.4f} on {facts.n_sentences:,} sentences of "
            f"{facts.source}); the export was not kept. Export in fp32, compare on more sentences, or allow more "
            "(--max-f1-loss, max_f1_loss=)"
        )


def _describe(folder: Path, model: Path, name: str, facts: ExportFacts) -> None:
    """Write the card, and what was compared."""
    from nomina import __version__

    card = model / "README.md"
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    write_text(folder / "README.md", exported_card(text, facts, name=name, version=__version__))
    packages = ("onnx", "onnxruntime", "torch", "transformers")
    record = {
        "format": "onnx",
        **facts.to_dict(),
        "versions": {"nomina": __version__, **{package: importlib.metadata.version(package) for package in packages}},
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    write_text(folder / EXPORT, json.dumps(record, indent=2) + "\n")
