"""Encoded corpora on disk, read by mapping them into memory: processes that read the same folder share one copy."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from nomina.encoding.windows import Windows

__all__ = ["load_windows", "save_windows"]

_FACTS = "windows.json"
_ARRAYS = ("pieces", "piece_offsets", "sentence_offsets", "spans", "features", "labels")


def save_windows(windows: Windows, folder: Path) -> None:
    """Write an encoded corpus: a ``.npy`` file for each array, the rest as JSON.

    Args:
        windows: The corpus.
        folder: Where to; made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(windows, name), allow_pickle=False)
    facts = {field.name: getattr(windows, field.name) for field in fields(windows) if field.name not in _ARRAYS}
    (folder / _FACTS).write_text(json.dumps(facts), encoding="utf-8")


def load_windows(folder: Path) -> Windows:
    """Open what :func:`save_windows` wrote; the arrays are read-only and stay on disk until they are used."""
    facts: dict[str, Any] = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    facts |= {name: tuple(facts[name]) for name in ("prefix", "suffix")}
    facts |= {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
    return Windows(**facts)
