"""The page on checking: its examples run, its flags exist, its table is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands import in_folder
from nomina.data.audit import KINDS

PAGE = (Path(__file__).parents[1] / "docs" / "check.md").read_text(encoding="utf-8")


def test_every_kind_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \| (.+) \|$", PAGE, flags=re.MULTILINE)
    assert [(kind, severity) for kind, severity, *_ in rows] == [(k, kind.severity) for k, kind in KINDS.items()]
    assert [why for *_, why in rows] == [kind.reason for kind in KINDS.values()]


def test_every_flag_exists() -> None:
    shown = in_folder(["nomina", "check", "--help"], Path.cwd())
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) <= set(re.findall(r"--[a-z][a-z-]+", shown))


@pytest.mark.slow
def test_its_commands_run(tmp_path: Path) -> None:
    commands = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL) for line in block.splitlines()]
    on_the_sample = [line for line in commands if line.startswith("nomina check sample")]
    assert len(on_the_sample) == 2
    for line in on_the_sample:
        assert "0 errors, 0 warnings" in in_folder(line.split(), tmp_path)
    assert (tmp_path / "clean.jsonl.changes.jsonl").read_text(encoding="utf-8") == ""


@pytest.mark.slow
def test_its_program_runs(tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    shown = in_folder(["python", "-c", program], tmp_path)
    assert "0 errors, 0 warnings" in shown
    assert "'geo': 280" in shown
