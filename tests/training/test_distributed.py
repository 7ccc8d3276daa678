"""Two processes train one model, over gloo on the CPU."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_two_processes_train_one_model(tiny_bert: Path, tmp_path: Path) -> None:
    settings = ["--device", "cpu", "--epochs", "2", "--limit-train", "96", "--limit-test", "10", "--batch-size", "8"]
    arguments = ["train", "sample", "--encoder", str(tiny_bert), "--output", str(tmp_path / "run"), *settings, "--json"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "nomina"]
    done = subprocess.run(
        [*launcher, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["folder"] == str(tmp_path / "run")  # one process talks
    announced = r"training on cpu in (fp32|bf16) with 2 processes: 96 windows, 6 steps an epoch"
    assert len(re.findall(announced, done.stderr)) == 1
    scores = json.loads((tmp_path / "run" / "scores.json").read_text(encoding="utf-8"))
    assert scores["training"]["n_steps"] == 12
    assert not (tmp_path / "run" / "checkpoints").exists()
