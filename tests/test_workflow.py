"""A run's folder and faults, from the outside."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nomina
from nomina.data.tags import Scheme
from nomina.errors import ConfigError, ModelError, OutputError
from nomina.runs import Parts, begin, prepare
from nomina.training.config import DataConfig, RunConfig
from nomina.training.fit import FitResult, fit
from nomina.workflow import evaluate, train


def test_faults_of_this_machine_and_of_parts_are_listed_together(tiny_bert: Path, tmp_path: Path) -> None:
    sample = nomina.read("sample")[:20]
    settings = {"precision": "fp16", "device": "cpu", "patience": 2, "split": (100, 0, 0), "encoder": str(tiny_bert)}
    with pytest.raises(ConfigError) as caught:
        nomina.train(sample, output=tmp_path / "m", **settings)  # type: ignore[arg-type]
    assert ["patience" in fault or "fp16" in fault for fault in caught.value.faults] == [True, True]
    assert not (tmp_path / "m").exists()
    with pytest.raises(ConfigError, match="special pieces"):
        nomina.train(sample, output=tmp_path / "m", encoder=str(tiny_bert), max_pieces=2, split=(100, 0, 0))


def test_an_earlier_run_is_kept_until_the_new_one_can_begin(tiny_bert: Path, tmp_path: Path) -> None:
    sample = nomina.read("sample")[:20]
    config = RunConfig.build(None, encoder=str(tiny_bert), split=(100, 0, 0))
    begin(tmp_path / "m", config, Parts(sample, None, None))
    (tmp_path / "m" / "model.safetensors").write_bytes(b"precious")
    with pytest.raises(ConfigError, match="chunk"):
        train(config.with_settings(features="chunk"), tmp_path / "m", corpora={"train": sample}, overwrite=True)
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == b"precious"
    with pytest.raises(OutputError, match="holds a run"):
        nomina.evaluate("nowhere", sample, output=tmp_path / "m")


def test_a_folder_is_prepared_only_for_its_own_run(tmp_path: Path) -> None:
    config = RunConfig.build(None, train=("sample",))
    folder = tmp_path / "run"
    prepare(folder, config, resume=False, overwrite=False)
    begin(folder, config, Parts(nomina.read("sample")[:3], None, None))
    with pytest.raises(OutputError, match="--resume"):
        prepare(folder, config, resume=False, overwrite=False)
    prepare(folder, config, resume=True, overwrite=False)
    with pytest.raises(ConfigError, match="epochs"):
        prepare(folder, config.with_settings(epochs=9), resume=True, overwrite=False)
    (folder / "scores.json").write_text("{}")
    with pytest.raises(OutputError, match="complete run"):
        prepare(folder, config, resume=True, overwrite=False)
    prepare(folder, config, resume=False, overwrite=True)
    begin(folder, config, Parts(nomina.read("sample")[:4], None, None), replace=True)
    assert {path.name for path in folder.iterdir()} == {"run.toml", "data.json"}


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder with a file that an evaluation would write."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.html").write_text("precious")
    return tmp_path / "mine"


def test_an_evaluation_loses_no_file_and_says_so_at_once(foreign: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"holds report\.html"):
        evaluate(tmp_path / "no-model", "sample", output=foreign)
    assert (foreign / "report.html").read_text() == "precious"
    with pytest.raises(OutputError, match="cannot write into the folder"):
        evaluate(tmp_path / "no-model", "sample", output=foreign / "report.html" / "deeper")
    with pytest.raises(ModelError, match="expected a model folder"):
        evaluate(tmp_path / "no-model", "sample", output=foreign, overwrite=True)


@pytest.mark.usefixtures("no_figures")
def test_faults_of_the_data_as_they_were_read_are_in_the_report(tiny_bert: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"encoder": str(tiny_bert), "epochs": 1, "split": (100, 0, 0), "progress": False}
    nomina.train(nomina.read("sample")[:20], output=tmp_path / "model", **settings)
    data = tmp_path / "bad.conll"
    data.write_text("Ada NNP I-geo\nruns VBZ O\n\nBob NNP B-PERSON\nruns VBZ O\n", encoding="utf-8")
    said: list[str] = []
    read_as = DataConfig(scheme=Scheme.IOB2)
    evaluate(tmp_path / "model", str(data), settings=read_as, output=tmp_path / "judged", say=said.append)
    report = (tmp_path / "judged" / "report.html").read_text(encoding="utf-8")
    assert "invalid_tags" in report
    assert f"{data}:1" in report
    assert any("the model does not know PERSON (1 entities)" in line for line in said)


@pytest.mark.usefixtures("no_figures")
def test_the_report_and_the_scores_round_alike(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_the_border(*arguments: Any, **named: Any) -> FitResult:
        return replace(fit(*arguments, **named), padding=0.016496, train_s=3.4951)

    monkeypatch.setattr("nomina.workflow.fit", on_the_border)
    settings: dict[str, Any] = {"encoder": str(tiny_bert), "epochs": 1, "split": (80, 20, 0), "progress": False}
    nomina.train(nomina.read("sample")[:20], output=tmp_path / "model", **settings)
    facts = json.loads((tmp_path / "model" / "scores.json").read_text())["training"]
    report = (tmp_path / "model" / "report.html").read_text(encoding="utf-8")
    assert f"{facts['padding']:.1%} of them padding" in report
    assert f"{facts['train_s']:.0f} s, " in report
