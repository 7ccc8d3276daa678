"""``nomina predict`` as a command, for ``inference.py``: its memory and speed on a file, and how soon it answers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from inference_setup import AbsentError

__all__ = ["first_entity_s", "peak_mb", "predict_file", "write_words"]

_POLL_S = 0.02


def write_words(split: Path, n_words: int, target: Path) -> Path:
    """A file of GMB's first words, one a line, a blank line after each sentence.

    Args:
        split: The folder of GMB's split. Where its words are not enough, they come again.
        n_words: How many.
        target: Where to write them, unless that is done.
    """
    if not target.exists():
        lines: list[str] = []
        left = n_words
        for words in _sentences(split):
            lines += [*words[:left], ""]
            left -= len(words)
            if left <= 0:
                break
        target.write_text("\n".join(lines), encoding="utf-8")
    return target


def _sentences(split: Path) -> Iterator[list[str]]:
    while True:
        for name in ("test", "dev", "train"):
            with (split / f"{name}.jsonl").open(encoding="utf-8") as file:
                for line in file:
                    yield json.loads(line)["tokens"]


def predict_file(model: Path, words: Path, output: Path) -> dict[str, float]:
    """Seconds of the whole command on a file of words, and its peak megabytes (Linux).

    Raises:
        AbsentError: If it fails.
    """
    data = [str(words), "--format", "columns", "--columns", "word"]
    command = [sys.executable, "-m", "nomina", "predict", str(model), *data]
    command += ["--output", str(output), "--overwrite", "--quiet"]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, peak_mb(process.pid))
        time.sleep(_POLL_S)
    seconds = time.perf_counter() - start
    _check(process)
    return {"seconds": round(seconds, 2), "peak_mb": round(peak, 1)}


def peak_mb(pid: int) -> float:
    """The most memory that a process has had, in megabytes; 0 where it has ended.

    ``getrusage`` would count what its parent had when it was started.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def first_entity_s(model: Path, sentence: str) -> dict[str, float]:
    """Seconds from the start of ``nomina predict`` on one sentence to its first entity, and to its end.

    Raises:
        AbsentError: If it fails, or finds no entity.
    """
    command = [sys.executable, "-m", "nomina", "predict", str(model), "--quiet"]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
    stdin.write(sentence)
    stdin.close()
    first = next((time.perf_counter() - start for line in stdout if "\tB-" in line), None)
    stdout.read()
    process.wait()
    seconds = time.perf_counter() - start
    _check(process)
    if first is None:
        raise AbsentError("no entity in the sentence")
    return {"first_entity_s": round(first, 3), "seconds": round(seconds, 3)}


def _check(process: subprocess.Popen[Any]) -> None:
    assert process.stderr is not None
    said = process.stderr.read()
    if process.returncode:
        raise AbsentError(f"nomina predict: {said.strip().splitlines()[-1] if said.strip() else process.returncode}")
