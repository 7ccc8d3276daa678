"""What the scripts share: arguments, GMB's split, conditions, yardsticks, result files."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nomina.files import write_text

__all__ = ["arguments", "conditions", "gmb_split", "load_json", "save_json", "yardstick_result"]


def arguments(description: str | None, *, has_work: bool = True) -> argparse.ArgumentParser:
    """A parser with ``--shared``, and ``--work`` for a script that keeps something between its starts."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="corpora and yardsticks")
    if has_work:
        parser.add_argument("--work", type=Path, required=True, help="folder for splits and models")
    return parser


def gmb_split(shared: Path, work: Path) -> Path:
    """The folder of GMB's split without repeated sentences, made where it is missing."""
    split = work / "split"
    if not (split / "test.jsonl").exists():
        subprocess.run([sys.executable, shared / "yardsticks" / "prepare_gmb.py", split], check=True)
    return split


def conditions() -> dict[str, Any]:
    """Versions, threads, and whether the CPU multiplies bf16 in hardware."""
    import torch
    import transformers

    from nomina.training.trainer import has_fast_bf16

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": torch.get_num_threads(),
        "fast_bf16": has_fast_bf16(use_cpu=True),
    }


def load_json(path: Path, default: Any) -> Any:
    """What an earlier start wrote, or a default."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else default


def save_json(path: Path, content: Any) -> None:
    """Write results, complete or not at all; a list gets one line for each item."""
    if isinstance(content, list):
        write_text(path, "[\n" + ",\n".join(map(json.dumps, content)) + "\n]\n")
    else:
        write_text(path, json.dumps(content, indent=2) + "\n")


def yardstick_result(output: str) -> dict[str, Any]:
    """The JSON line that a yardstick prints last."""
    lines: Sequence[str] = output.splitlines()
    result: dict[str, Any] = json.loads(next(line for line in reversed(lines) if line.startswith('{"yardstick"')))
    return result
