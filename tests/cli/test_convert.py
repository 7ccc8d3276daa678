"""``nomina convert`` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import nomina
from commands import Result


def test_a_corpus_in_another_format(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("convert", "sample", tmp_path / "out.jsonl", "--scheme", "BIOES")
    assert (result.code, result.out) == (0, "")
    sample, again = nomina.read("sample"), nomina.read(tmp_path / "out.jsonl")
    assert again.scheme is not None
    assert again.scheme.value == "BIOES"
    assert again.stats().types == sample.stats().types
    assert "tags converted from IOB2 to BIOES" in result.err
    said = [" ".join(line.split()) for line in result.err.splitlines()]
    assert f"read {len(sample)} sentences {sample.n_words:,} words from sample" in said
    assert f"wrote {len(sample)} sentences {sample.n_words:,} words to {tmp_path}/out.jsonl (jsonl)" in said


def test_notes_of_reading_and_writing_and_the_flags_of_reading(run: Callable[..., Result], tmp_path: Path) -> None:
    source = tmp_path / "project.jsonl"
    source.write_text('{"text": "Ada wrote", "label": [[1, 9, "per"], [4, 9, "x"]], "document": "d"}\n')
    result = run("convert", source, tmp_path / "out.csv", "--cut-spans", "shrink", "--overlaps", "innermost", "--json")
    assert result.code == 0
    facts = json.loads(result.out)
    assert facts["entities"] == {"per": 1}
    assert facts["notes"] == [
        "1 span cut through a word, shrunk to the whole words inside (line 1 characters 1-9)",
        "1 span dropped that overlap another; innermost ones are kept (line 1 characters 4-9)",
        "1 sentence of documents, which kaggle does not mark",
        "1 sentence with a text, which kaggle does not keep",
    ]
    assert {k: facts[k] for k in ("format", "sentences", "words", "scheme")} == {
        "format": "kaggle", "sentences": 1, "words": 2, "scheme": "IOB2"
    }  # fmt: skip
    quiet = run("convert", source, tmp_path / "out.conll", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_several_inputs_and_a_folder(run: Callable[..., Result], tmp_path: Path) -> None:
    assert run("convert", "sample", tmp_path / "a.conll").code == 0
    assert run("convert", tmp_path / "a.conll", "sample", tmp_path / "brat", "--to", "brat").code == 0
    again = nomina.read(tmp_path / "brat")
    assert len(again) == 2 * len(nomina.read("sample"))
    shown = run("info", tmp_path / "brat")
    assert shown.code == 0
    assert "documents" in shown.out


def test_repeated_sentences_are_dropped_where_asked(run: Callable[..., Result], tmp_path: Path) -> None:
    twice = tmp_path / "twice.conll"
    twice.write_text("Ada\tB-per\n\nAda\tB-per\n\nwrote\tO\n")
    result = run("convert", twice, tmp_path / "out.jsonl", "--drop-duplicates")
    assert "1 repeated sentence dropped" in result.err
    assert [s.words for s in nomina.read(tmp_path / "out.jsonl")] == [("Ada",), ("wrote",)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sample", "out.xyz"], ["expected an output that ends in", ".conll (columns)", "--to"]),
        (["sample", "out.jsonl", "--overlaps", "both"], ["overlaps", "both"]),
        (["nowhere.conll", "out.jsonl"], ["nowhere.conll"]),
        (["sample", "there.jsonl"], ["there.jsonl exists", "--overwrite"]),
        (["sample", "folder", "--to", "brat", "--overwrite"], ["holds other things"]),
        (["sample", "there.jsonl/x.jsonl"], ["cannot write there.jsonl/x.jsonl"]),
        (["sample", "there.jsonl/x", "--to", "brat"], ["cannot write there.jsonl/x"]),
        (["-", "out.jsonl"], ["standard input", "save it to a file"]),
        (["/dev/null", "out.jsonl"], ["a device", "save it to a file"]),
        (["sample", "-"], ["found -", "name a file"]),
        (["sample", "-", "--to", "jsonl"], ["found -", "name a file"]),
        (["sample", "/dev/stdout", "--to", "jsonl"], ["found /dev/stdout", "name a file"]),
        (["sample", "/dev/null", "--to", "jsonl"], ["found /dev/null", "name a file"]),
        (["sample", "n" * 250 + ".jsonl"], ["cannot write", "name too long"]),
        (["sample", "n" * 300 + ".jsonl"], ["cannot write", "name too long"]),
    ],
)
def test_the_callers_faults_exit_with_2(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.jsonl").write_text("kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.md").write_text("kept")
    result = run("convert", *arguments)
    assert result.code == 2
    assert all(part in result.err for part in said), result.err
    assert (tmp_path / "there.jsonl").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "there.jsonl"]
