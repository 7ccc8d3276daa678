"""Training that is paused and continued, in other processes too, ends as if it had gone on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from nomina.data.corpus import Corpus
from nomina.data.formats import read
from nomina.errors import ConfigError
from nomina.inference import Prediction, Predictor
from nomina.scoring import score
from nomina.training import checkpoints
from nomina.training.config import RunConfig
from nomina.training.fit import FitResult, Paused, fit, fit_prepared
from nomina.training.prepare import Prepared, build, prepare, with_scheme

CORPUS = read("sample")
TRAIN = CORPUS[:60]
DEV = TRAIN[:30]  # seen in training, so that a few small steps give it a score
RATES = {"learning_rate": 3e-3, "head_learning_rate": 3e-2}


def prepared_parts(config: RunConfig, train: Corpus = TRAIN, dev: Corpus = DEV) -> Prepared:
    return prepare(build(train, config), train, dev, config)


def facts(pause: FitResult | Paused) -> tuple[float, int, float]:
    assert isinstance(pause, Paused)
    return pause.epochs, pause.step, pause.dev_f1


def rows(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if "runtime" not in k and "second" not in k} for row in history]


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"head": "crf", "pos_source": "joint", "accumulation": 2}])
def test_pauses_change_nothing(tiny_bert: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    config = RunConfig.build(None, encoder=str(tiny_bert), epochs=3, batch_size=8, log_every=3, **RATES, **settings)
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = fit(TRAIN, DEV, config, tmp_path / "whole")
    assert (whole.best_dev_f1 or 0) > 0, "a model that has learned nothing shows nothing"

    prepared = prepared_parts(config)
    seen: list[tuple[float, float]] = []

    def go_on(until: float | None) -> FitResult | Paused:
        return fit_prepared(
            prepared, config, tmp_path / "cut", until=until, watch=lambda epochs, f1: seen.append((epochs, f1))
        )

    pauses = [go_on(until) for until in (0.5, 1.0, 1.0, 1.7)]
    assert all(isinstance(pause, Paused) for pause in pauses)
    assert [round(pause.epochs, 2) for pause in pauses] == pytest.approx([0.5, 1.0, 1.0, 1.75], abs=0.06)  # type: ignore[union-attr]
    assert facts(pauses[1]) == facts(pauses[2]), "what is there already is not trained again"
    end = go_on(None)
    assert isinstance(end, FitResult)
    for (name, weight), other in zip(
        whole.predictor.model.named_parameters(), end.predictor.model.parameters(), strict=True
    ):
        assert torch.equal(weight, other), name
    assert (end.best_step, end.best_dev_f1, end.n_steps) == (whole.best_step, whole.best_dev_f1, whole.n_steps)
    f1s = [row["dev_f1"] for row in whole.history if "dev_f1" in row]
    assert [f1 for _, f1 in seen] == f1s, "each epoch is told once"
    assert pauses[1].dev_f1 == f1s[0]  # type: ignore[union-attr]
    assert [row for row in rows(end.history) if "dev_f1" in row] == [
        row for row in rows(whole.history) if "dev_f1" in row
    ], "a pause in mid-epoch leaves no evaluation that could count as an epoch's"


def test_a_pause_in_mid_epoch_scores_the_weights_as_they_are(tiny_bert: Path, tmp_path: Path) -> None:
    config = RunConfig.build(None, encoder=str(tiny_bert), epochs=2, batch_size=8, **RATES)
    prepared = prepared_parts(config)
    first = fit_prepared(prepared, config, tmp_path, until=0.5)
    again = fit_prepared(prepared, config, tmp_path, until=0.5)
    assert isinstance(first, Paused)
    assert facts(first) == facts(again), "from the weights in memory, and from those of the checkpoint"
    assert list(checkpoints.checkpoint_steps(tmp_path / "checkpoints")) == [first.step]
    predictor = Predictor.load(tmp_path / "checkpoints" / f"checkpoint-{first.step}")
    found = list(predictor.predict(DEV.sentences))  # type: ignore[arg-type]
    gold = with_scheme(DEV, predictor.scheme)
    evaluation = score([s.labels or () for s in gold], [p.labels for p in found if isinstance(p, Prediction)])
    assert first.dev_f1 == pytest.approx(evaluation.default.f1, abs=1e-12)


def test_what_a_watcher_raises_ends_training_at_a_complete_checkpoint(tiny_bert: Path, tmp_path: Path) -> None:
    config = RunConfig.build(None, encoder=str(tiny_bert), epochs=3, batch_size=8)
    prepared = prepared_parts(config)

    class Enough(Exception):  # noqa: N818
        pass

    def stop(epochs: float, f1: float) -> None:
        if epochs >= 2:
            raise Enough

    with pytest.raises(Enough):
        fit_prepared(prepared, config, tmp_path, watch=stop)
    [step] = checkpoints.checkpoint_steps(tmp_path / "checkpoints")
    facts = json.loads((tmp_path / "checkpoints" / f"checkpoint-{step}" / "trainer_state.json").read_text())
    assert facts["epoch"] == 1.0


def test_faulty_settings_are_refused_before_anything_is_loaded(tmp_path: Path, tiny_bert: Path) -> None:
    config = RunConfig.build(None, encoder=str(tiny_bert), device="cpu", precision="fp16")
    with pytest.raises(ConfigError, match="fp16 needs a GPU"):
        fit_prepared(prepared_parts(config), config, tmp_path)


def test_a_pause_at_the_very_end_is_the_end(tiny_bert: Path, tmp_path: Path) -> None:
    config = RunConfig.build(None, encoder=str(tiny_bert), epochs=0.5, batch_size=8, **RATES)
    end = fit_prepared(prepared_parts(config), config, tmp_path, until=0.49)
    assert isinstance(end, FitResult)
    assert end.best_dev_f1 is not None
