"""``nomina check`` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from commands import Result
from planted import clean_rows, line_of, write_rows


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    rows = clean_rows("train")
    rows[2][0][2] = "I-per"
    rows[5] = deepcopy(rows[1])
    return write_rows(rows, tmp_path / "faulty.conll")


def test_a_table_for_people(run: Callable[..., Result], faulty: Path) -> None:
    result = run("check", faulty, "--columns", "word,pos,label", "--encoder", "none")
    assert result.code == 0, result.err
    assert "Errors (1)" in result.out
    place = f"{faulty}:{line_of(clean_rows('train'), 2)}"
    assert place in result.out.replace("\n", "")
    assert result.out.index("invalid_tags") < result.out.index("repeated_sentences") < result.out.index("scheme train")
    assert "1 error, 1 warning" in result.out


@pytest.mark.parametrize(("data", "code"), [("faulty", 1), ("sample", 0)])
def test_strict(run: Callable[..., Result], faulty: Path, data: str, code: int) -> None:
    arguments = [faulty, "--columns", "word,pos,label"] if data == "faulty" else ["sample"]
    result = run("check", *arguments, "--encoder", "none", "--strict", "--json")
    assert result.code == code
    assert json.loads(result.out)["verdict"].startswith(f"{code} error")
    assert "Traceback" not in result.err


def test_files_and_mending(run: Callable[..., Result], faulty: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        f'[data]\ntrain = ["{faulty}"]\ncolumns = "word,pos,label"\n[model]\nencoder = "{tmp_path / "none-there"}"\n',
        encoding="utf-8",
    )
    arguments = ["check", "--config", config, "--output", tmp_path / "audit", "--fix", tmp_path / "clean.conll"]
    result = run(*arguments)
    assert result.code == 0, result.err
    assert "none-there" in result.out  # the settings' encoder is looked for, and its absence said
    assert "changed: 1 tag, 1 repeat" in result.err
    assert (tmp_path / "clean.conll.changes.jsonl").is_file()
    again = run("check", tmp_path / "clean.conll", "--encoder", "none", "--strict")
    assert again.code == 0
    assert "0 errors, 0 warnings" in again.out
    assert run(*arguments).code == 2
    quiet = run(*arguments, "--overwrite", "--quiet")
    assert (quiet.code, quiet.err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected at least one file"),
        (["nowhere.conll"], "nowhere.conll"),
        (["sample", "--scheme", "XYZ"], "scheme"),
    ],
)
def test_the_callers_faults(run: Callable[..., Result], arguments: list[str], said: str) -> None:
    result = run("check", *arguments)
    assert result.code == 2
    assert said in result.err


def test_what_a_mended_copy_loses_is_said(run: Callable[..., Result], tmp_path: Path) -> None:
    data = tmp_path / "rich.jsonl"
    rows = [
        {"tokens": ["Ada", "slept"], "ner_tags": ["B-per", "O"], "shape": ["Xx", "x"]},
        {"tokens": ["Bob", "woke"], "ner_tags": ["B-per", "O"]},
    ]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    said = "train: 1 sentence with the feature 'shape', which only some sentences have; columns keeps what all have"
    arguments = ["check", data, "--encoder", "none", "--overwrite", "--fix", tmp_path / "o.conll"]
    assert said in run(*arguments).err
    assert json.loads(run(*arguments, "--json").out)["notes"] == [said]


def test_the_audit_is_shown_where_the_copy_is_refused(run: Callable[..., Result], tmp_path: Path) -> None:
    data = tmp_path / "mix.jsonl"
    rows = [{"tokens": ["Ada", "slept"], "ner_tags": ["B-per", "O"]}, {"tokens": ["Bob", "woke"]}]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    arguments = ["check", data, "--encoder", "none", "--output", tmp_path / "a", "--fix"]
    refused = run(*arguments, tmp_path / "m.conll")
    assert refused.code == 2
    assert "unlabelled" in refused.out
    assert "expected labels on all sentences or on none" in refused.err
    written = run(*arguments, tmp_path / "m.jsonl")
    assert written.code == 0, written.err
