"""A run that is killed again and again ends as if nothing had happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from commands import Result
from figures import NO_FIGURES
from forked import NEVER, Command, Kill

CHECKPOINTS = "nomina.training.checkpoints"
KILLS = {
    "before there is a checkpoint": Kill("torch.optim:AdamW.step", 2, "after"),
    "in the first checkpoint, after the weights": Kill(f"{CHECKPOINTS}:save_optimizer", 1, "before"),
    "in the next try, before the marker": Kill(f"{CHECKPOINTS}:mark_complete", 1, "before"),
    "in mid-epoch, one step after a checkpoint": Kill("torch.optim:AdamW.step", 3, "after"),
    "after the marker, before the older checkpoint goes": Kill(f"{CHECKPOINTS}:keep_only", 1, "before"),
    "while an older checkpoint is removed": Kill("shutil:rmtree", 2, "before"),
    "in an evaluation": Kill("nomina.training.trainer:TaggerTrainer.evaluate", 1, "before"),
    "after an evaluation, before its checkpoint": Kill("nomina.training.trainer:TaggerTrainer.evaluate", 1, "after"),
    "while the model is saved": Kill("nomina.runs:model_card", 1, "before"),
    "before the last file": Kill("nomina.runs:_scores", 1, "before"),
}


def command(encoder: Path, output: Path, *extra: str) -> list[str]:
    settings = ["--epochs", "5", "--save-every", "2", "--limit-train", "60", "--limit-test", "20", "--log-every", "3"]
    settings += ["--batch-size", "16", *extra]
    return ["train", "sample", "--encoder", str(encoder), "--output", str(output), *settings]


def run(kill: Kill, encoder: Path, output: Path, *extra: str) -> Result:
    log = output.with_suffix(".log")
    return Command(command(encoder, output, *extra), log, kill=kill, patches=NO_FIGURES).result()


def losses(folder: Path) -> list[dict[str, Any]]:
    rows = map(json.loads, (folder / "history.jsonl").read_text(encoding="utf-8").splitlines())
    return [row for row in rows if "train_runtime" not in row]


@pytest.mark.slow
def test_killed_runs_resume_to_the_same_weights(tiny_bert: Path, tmp_path: Path) -> None:
    # A process that has nothing in common with the others.
    alone = [sys.executable, "-m", "nomina", *command(tiny_bert, tmp_path / "whole"), "--threads", "1"]
    whole = subprocess.run(alone, capture_output=True, text=True, check=False, timeout=300)
    assert whole.returncode == 0, whole.stderr
    cut = tmp_path / "cut"
    for name, kill in KILLS.items():
        killed = run(kill, tiny_bert, cut, "--resume")
        assert killed.code == -signal.SIGKILL, f"{name}: {killed.code}\n{killed.err}"
        assert not (cut / "scores.json").exists()
    finished = run(NEVER, tiny_bert, cut, "--resume")
    assert finished.code == 0, finished.err

    expected, found = (load_file(folder / "model.safetensors") for folder in (tmp_path / "whole", cut))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert losses(cut) == losses(tmp_path / "whole")
    scores = [json.loads((folder / "scores.json").read_text()) for folder in (tmp_path / "whole", cut)]
    assert scores[0]["test"] == scores[1]["test"]
    assert scores[0]["dev"] == scores[1]["dev"]
    assert not (cut / "checkpoints").exists()


@pytest.mark.slow
def test_a_run_killed_after_its_last_step_takes_no_other(tiny_bert: Path, tmp_path: Path) -> None:
    extra = ["--epochs", "1.5", "--schedule", "constant", "--resume"]
    killed = run(Kill("nomina.runs:model_card", 1, "before"), tiny_bert, tmp_path / "cut", *extra)
    assert killed.code == -signal.SIGKILL
    finished = run(NEVER, tiny_bert, tmp_path / "cut", *extra)
    assert finished.code == 0, finished.err
    whole = run(NEVER, tiny_bert, tmp_path / "whole", *extra)
    assert whole.code == 0, whole.err
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    contents = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("cut", "whole")]
    assert contents[0] == contents[1]


@pytest.mark.slow
def test_resume_refuses_other_settings_and_complete_runs(tiny_bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    killed = run(Kill("torch.optim:AdamW.step", 1, "after"), tiny_bert, folder)
    assert killed.code == -signal.SIGKILL
    again = run(NEVER, tiny_bert, folder)
    assert again.code == 2
    assert "--resume" in again.err
    other = run(NEVER, tiny_bert, folder, "--resume", "--dropout", "0.3")
    assert other.code == 2
    assert "dropout" in other.err
