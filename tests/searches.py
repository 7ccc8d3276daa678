"""Small searches that take seconds: a tiny encoder on a piece of the sample, scored on sentences it has seen."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from nomina.data.cleaning import clean
from nomina.data.formats import read
from nomina.data.formats.write import conll
from nomina.errors import NominaError
from nomina.training.config import RunConfig
from nomina.tuning.worker import work

__all__ = ["CORPUS", "DEV", "SPACE", "TRAIN", "InThread", "arguments", "config", "write_parts"]

CORPUS = clean(read("sample")).corpus
TRAIN = CORPUS[:60]
DEV = TRAIN[:30]
SPACE: dict[str, list[Any]] = {
    "learning_rate": [1e-3, 3e-3],
    "head_learning_rate": [2e-2, 4e-2],
    "batch_size": [3, 5],
    "dropout": [0.0, 0.2],
}
"""16 cells."""


def config(encoder: Path, **settings: Any) -> RunConfig:
    values: dict[str, Any] = {"encoder": str(encoder), "epochs": 3, "device": "cpu", "log_every": 50, "threads": 1}
    return RunConfig.build(None, **values | settings)


def arguments(encoder: Path, data: Path, output: Path, *extra: str) -> list[str]:
    """Those of ``nomina`` for a search on files."""
    settings = ["--encoder", str(encoder), "--epochs", "2", "--device", "cpu", "--log-every", "50", "--threads", "1"]
    files = [str(data / "train.conll"), "--dev", str(data / "dev.conll"), "--split", "100,0,0"]
    return ["tune", *files, *settings, "--output", str(output), *extra]


class InThread:
    """One worker in a thread of this process, which starts at once: for what does not depend on processes."""

    def __init__(self, folder: Path, storage: str | None) -> None:
        self.folder = folder
        self.storage = storage
        self.fault: str | None = None
        self.thread = threading.Thread()

    def start(self, index: int) -> None:
        assert index == 0, "workers in threads would draw from the same random numbers"
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self) -> None:
        try:
            work(self.folder, self.storage)
        except NominaError as error:
            self.fault = f"error: {error}"

    def ended(self) -> dict[int, str | None]:
        return {} if self.thread.is_alive() else {0: self.fault}

    def stop(self) -> None:
        self.thread.join()


def write_parts(folder: Path) -> Path:
    """The two parts as files of columns: word, tag, label."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", TRAIN), ("dev", DEV)):
        text = "".join(conll(sentence, sentence.labels or ()) for sentence in part)
        (folder / f"{name}.conll").write_text(text, encoding="utf-8")
    return folder
