"""The command line as a user types it, in this process."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nomina
from commands import Result
from figures import without_figures
from nomina.training.config import settings


@pytest.fixture(scope="module")
def model(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "model"
    with without_figures():
        nomina.train(
            nomina.read("sample")[:120],
            output=folder,
            encoder=str(tiny_bert),
            epochs=2,
            learning_rate=5e-3,
            head_learning_rate=5e-3,
            device="cpu",
            progress=False,
            say=lambda line: None,
        )
    return folder


def test_help_has_every_setting_and_examples(run: Callable[..., Result]) -> None:
    result = run("train", "--help")
    assert result.code == 0
    for setting in settings():
        if setting.name != "train":
            assert f"--{setting.name.replace('_', '-')}" in result.out
    assert "nomina train sample --encoder minilm" in result.out
    for command in ("evaluate", "predict", "demo", "info"):
        result = run(command, "--help")
        assert result.code == 0
        assert f"nomina {command}" in result.out


def test_version(run: Callable[..., Result]) -> None:
    assert run("--version").out == f"nomina {nomina.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train"], ["expected at least one file"]),
        (["train", "sample", "--epochs", "x", "--dropout", "2"], ["2 faults", "epochs", "dropout"]),
        (["train", "nowhere.csv", "--encoder", "/nowhere"], ["2 faults", "nowhere.csv", "/nowhere", "minilm"]),
        (["train", "sample", "--config", "nowhere.toml"], ["nowhere.toml"]),
        (["evaluate", "nowhere", "sample"], ["model folder", "nowhere"]),
        (["predict", "nowhere", "-"], ["model folder"]),
        (["info", "nowhere.conll"], ["nowhere.conll"]),
    ],
)
def test_the_callers_faults_exit_with_2(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.code == 2
    assert all(part in result.err for part in said), result.err
    assert "Traceback" not in result.err
    assert not list(tmp_path.iterdir())


def test_a_bad_row_is_named_by_file_and_line(run: Callable[..., Result], tmp_path: Path, tiny_bert: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"tokens": ["a"], "ner_tags": ["O"]}\n{"tokens": [\n', encoding="utf-8")
    result = run("train", path, "--encoder", tiny_bert, "--output", tmp_path / "run")
    assert result.code == 2
    assert "bad.jsonl:2" in result.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_train_writes_a_whole_model_folder(run: Callable[..., Result], tmp_path: Path, tiny_bert: Path) -> None:
    folder = tmp_path / "run"
    arguments = ["train", "sample", "--encoder", tiny_bert, "--output", folder, "--epochs", "1", "--limit-train", "48"]
    result = run(*arguments, "--json", "--quiet", "--no-compile")
    assert result.code == 0, result.err
    assert result.err == ""
    facts = json.loads(result.out)
    assert facts["test"]["default"]["micro"]["support"] > 0
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "README.md",
        "run.toml",
        "scores.json",
        "history.jsonl",
        "predictions.jsonl",
        "figures",
    }
    assert "checkpoints" not in names
    drawn = ("confusion", "entities", "reliability", "slices", "thresholds", "training", "types")
    assert {f"{name}.{kind}" for name in drawn for kind in ("png", "svg")} == {
        path.name for path in (folder / "figures").iterdir()
    }
    pickles = [path for path in folder.rglob("*") if path.suffix in {".bin", ".pt", ".pth", ".pkl"}]
    assert not pickles

    again = run(*arguments)
    assert again.code == 2
    assert "complete run" in again.err
    before = (folder / "scores.json").read_bytes()
    assert run(*arguments, "--resume").code == 2
    assert (folder / "scores.json").read_bytes() == before

    # The settings beside the result repeat the run.
    repeated = tmp_path / "repeated"
    with without_figures():
        result = run("train", "--config", folder / "run.toml", "--output", repeated, "--json", "--quiet")
    assert result.code == 0
    assert json.loads(result.out)["test"] == facts["test"]
    assert (repeated / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_a_folder_that_holds_no_run_is_never_overwritten(
    run: Callable[..., Result], tmp_path: Path, tiny_bert: Path
) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    result = run("train", "sample", "--encoder", tiny_bert, "--output", tmp_path, "--overwrite")
    assert result.code == 2
    assert precious.read_text() == "years of work"


def test_predict_reads_text_from_standard_input(run: Callable[..., Result], model: Path) -> None:
    text = "Washington said on Monday that May didn't arrive in May.\n\nCafé — naïve? 日本!\n"
    result = run("predict", model, stdin=text.encode())
    assert result.code == 0, result.err
    sentences = [block.splitlines() for block in result.out.rstrip("\n").split("\n\n")]
    words = [[line.split("\t")[0] for line in block] for block in sentences]
    assert words[0] == ["Washington", "said", "on", "Monday", "that", "May", "did", "n't", "arrive", "in", "May", "."]
    assert "".join(words[1]) == "Café—naïve?日本!"
    assert all(re.fullmatch(r"[^\t]+\t(O|[BI]-\w+)", line) for block in sentences for line in block)
    assert "text" in result.err


def test_predict_gives_every_word_of_a_corpus_and_never_overwrites(
    run: Callable[..., Result], model: Path, tmp_path: Path
) -> None:
    rows = [[("Reading", "NNP"), ("NA", "NNP"), ('"', "''")], [("nan", "NN"), (".", ".")]]
    source, target = tmp_path / "in.conll", tmp_path / "out.jsonl"
    source.write_text("\n".join("".join(f"{w}\t{p}\n" for w, p in sentence) for sentence in rows), encoding="utf-8")
    arguments = ["predict", model, source, "--columns", "word,pos", "--to", "jsonl", "--output", target]
    assert run(*arguments).code == 0
    found = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [list(zip(row["tokens"], row["pos_tags"], strict=True)) for row in found] == [
        [(w, p) for w, p in sentence] for sentence in rows
    ]
    assert all(len(row["ner_tags"]) == len(row["tokens"]) for row in found)
    target.write_text("kept")
    result = run(*arguments)
    assert (result.code, target.read_text()) == (2, "kept")
    assert run(*arguments, "--overwrite").code == 0
    assert target.read_text() != "kept"


def test_evaluate_writes_scores_that_it_shows(run: Callable[..., Result], model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "judged"
    result = run("evaluate", model, "sample", "--output", folder, "--json")
    assert result.code == 0, result.err
    shown, written = json.loads(result.out), json.loads((folder / "scores.json").read_text())
    assert shown["default"] == written["default"]
    assert {path.name for path in folder.iterdir()} >= {
        "confusion.png",
        "confusion.svg",
        "entities.svg",
        "types.svg",
        "predictions.jsonl",
    }
    assert run("evaluate", model, "sample", "--output", folder).code == 2

    from seqeval.metrics import f1_score

    rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    official = f1_score([row["ner_tags"] for row in rows], [row["predicted_tags"] for row in rows])
    assert shown["default"]["micro"]["f1"] == pytest.approx(official, abs=1e-9)


def test_evaluate_table_for_people(run: Callable[..., Result], model: Path) -> None:
    result = run("evaluate", model, "sample")
    assert result.code == 0
    for part in ("geo", "nat", "micro", "macro", "weighted", "strict", "seqeval"):
        assert part in result.out


def test_info(run: Callable[..., Result], model: Path) -> None:
    facts: dict[str, Any] = json.loads(run("info", model, "--json").out)
    assert facts["features"] == {"pos": facts["features"]["pos"]}
    assert len(facts["labels"]) == 17
    corpus = json.loads(run("info", "sample", "--json").out)
    assert (corpus["sentences"], corpus["words"], corpus["documents"]) == (597, 12_883, 50)
    environment = run("info")
    assert environment.code == 0
    assert "transformers" in environment.out


def test_a_closed_pipe_is_no_crash(model: Path, tmp_path: Path) -> None:
    import subprocess

    text = tmp_path / "many.txt"
    text.write_text("One more sentence.\n" * 3000)
    command = f"{sys.executable} -m nomina predict {model} {text} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.stdout.startswith("One\t")
    assert "Traceback" not in done.stderr


def test_scores_by_tags_are_shown_side_by_side(run: Callable[..., Result], model: Path) -> None:
    result = run("evaluate", model, "sample")
    assert "the corpus's own tags" in result.out
    assert "no tags at all" in result.out
    facts = json.loads(run("evaluate", model, "sample", "--json").out)
    assert facts["by_tags"]["given"]["f1"] == facts["default"]["micro"]["f1"]
    assert facts["by_tags"].keys() == {"given", "none"}


def test_a_column_of_another_tag_set_is_refused(run: Callable[..., Result], model: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.conll"
    words.write_text("Anna\tPROPN\nslept\tVERB\n", encoding="utf-8")
    result = run("predict", model, words, "--columns", "word,pos")
    assert result.code == 2
    assert "Penn Treebank" in result.err
    assert "UPOS" in result.err
    result = run("predict", model, words, "--columns", "word,pos", "--tags", "none")
    assert result.code == 0
    assert result.out.count("\n") == 3


def test_compare(run: Callable[..., Result], tiny_bert: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.conll"
    sample = nomina.read("sample")[:60]
    rows = (
        "".join("\t".join(row) + "\n" for row in zip(s.words, s.features["pos"], s.labels or (), strict=True))
        for s in sample
    )
    corpus.write_text("\n".join(rows) + "\n", encoding="utf-8")
    command = ["compare", corpus, "--encoder", tiny_bert, "--epochs", "1", "--split", "50,0,50", "--device", "cpu"]
    command += ["--arms", "none,concat", "--seeds", "2", "--output", tmp_path / "c"]
    first = run(*command)
    assert first.code == 0
    assert "run 4 of 4: concat" in first.err
    assert "Do part-of-speech tags help?" in first.out
    again = run(*command, "--json")
    assert "run 4 of 4" not in again.err
    facts = json.loads(again.out)
    assert [row["arm"] for row in facts["rows"] if row["main"]] == ["none", "concat"]
    assert facts["verdict"] in first.out
    assert Path(facts["files"]["figure"]).is_file()
    assert run(*command, "--sizes", "many").code == 2
    assert run(*command, "--arms", "none,chunk").code == 2
    assert run("compare", corpus, "--split", "50,50,0", "--encoder", tiny_bert).code == 2
