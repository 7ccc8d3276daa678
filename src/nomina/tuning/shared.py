"""What trials share: the encoded corpus, made once for all that read it alike, mapped into memory by every worker."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from nomina.data.corpus import Corpus
from nomina.encoding.storage import load_windows, save_windows
from nomina.files import flush
from nomina.training.config import RunConfig
from nomina.training.prepare import Prepared, build, prepare, with_source_tags
from nomina.training.trainer import DevPart

__all__ = ["is_whole", "load_prepared", "preparation", "save_prepared"]

_FACTS = "prepared.json"


def preparation(config: RunConfig) -> str:
    """A name for all settings with which a corpus is encoded alike."""
    model = config.model
    facts: dict[str, Any] = {
        name: getattr(model, name)
        for name in ("encoder", "revision", "trust_remote_code", "pos_source", "train_tags", "context", "max_pieces")
    }
    facts |= {"features": model.feature_names, "label_scheme": model.label_scheme.value}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def save_prepared(train: Corpus, dev: Corpus, config: RunConfig, folder: Path, *, progress: bool = False) -> int:
    """Encode a corpus into a folder, unless it is there already; returns how many words are cut off.

    Args:
        train: Training part.
        dev: Dev part.
        config: Settings.
        folder: Where to; it appears when it is complete.
        progress: Whether to draw progress bars while a source tags words.
    """
    if folder.is_dir():
        return 0
    tagged = with_source_tags(train, config.model, progress=progress)
    prepared = prepare(build(tagged, config), tagged, dev, config, progress=progress)
    assert prepared.dev is not None
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    save_windows(prepared.windows, temporary / "train")
    save_windows(prepared.dev.windows, temporary / "dev")
    facts = {"labels": prepared.labels, "features": dict(prepared.features), "gold": prepared.dev.gold}
    (temporary / _FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    for path in temporary.rglob("*"):
        flush(path)
    try:
        temporary.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(temporary)
    return prepared.windows.n_cut_words


def is_whole(folder: Path) -> bool:
    """Whether all that :func:`save_prepared` wrote can be read."""
    try:
        load_prepared(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def load_prepared(folder: Path) -> Prepared:
    """Open what :func:`save_prepared` wrote."""
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    return Prepared(
        labels=tuple(facts["labels"]),
        features={name: tuple(values) for name, values in facts["features"].items()},
        windows=load_windows(folder / "train"),
        dev=DevPart(load_windows(folder / "dev"), facts["gold"]),
    )
