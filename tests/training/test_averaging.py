"""The mean of the weights before a pause: that of the steps as they were, whatever interrupted them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nomina.data.formats import read
from nomina.errors import CheckpointError
from nomina.inference import Prediction, Predictor
from nomina.scoring import score
from nomina.training import checkpoints
from nomina.training.averaging import WeightMean
from nomina.training.config import RunConfig
from nomina.training.fit import FitResult, Paused, fit_prepared
from nomina.training.prepare import Prepared, build, prepare, with_scheme

CORPUS = read("sample")
TRAIN = CORPUS[:60]
DEV = TRAIN[:30]  # seen in training, so that a few small steps give it a score


def settings(encoder: Path, **given: Any) -> RunConfig:
    rates = {"learning_rate": 3e-3, "head_learning_rate": 3e-2, "schedule": "constant"}
    return RunConfig.build(None, encoder=str(encoder), epochs=3, batch_size=8, device="cpu", **rates, **given)


def prepared_parts(config: RunConfig) -> Prepared:
    return prepare(build(TRAIN, config), TRAIN, DEV, config)


def paused(prepared: Prepared, config: RunConfig, folder: Path, until: float, since: float | None) -> Paused:
    folder.mkdir(exist_ok=True)
    pause = fit_prepared(prepared, config, folder, until=until, since=since)
    assert isinstance(pause, Paused)
    return pause


def newest(folder: Path) -> Path:
    path = checkpoints.latest(folder / "checkpoints")
    assert path is not None
    return path


def test_a_pause_is_scored_with_the_mean_of_the_weights_of_the_last_steps(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(tiny_bert)
    prepared = prepared_parts(config)
    seen: list[dict[str, torch.Tensor]] = []
    own = WeightMean.on_step_end

    def spy(mean: WeightMean, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        pairs = zip(mean._names, mean._weights, strict=True)
        seen.append({name: weight.detach().double().clone() for name, weight in pairs})
        own(mean, args, state, control, **kwargs)

    monkeypatch.setattr(WeightMean, "on_step_end", spy)
    pause = paused(prepared, config, tmp_path / "run", 2.5, 2.0)
    n_before = 16
    assert len(seen) == pause.step == 20
    checkpoint = newest(tmp_path / "run")
    found = checkpoints.load_mean(checkpoint, since=n_before)
    assert found is not None
    means, n_steps = found
    assert n_steps == len(seen) - n_before
    for name, mean in means.items():
        wanted = torch.stack([step[name] for step in seen[n_before:]]).mean(0)
        torch.testing.assert_close(mean.double(), wanted, rtol=1e-5, atol=1e-6)

    # The same weights in a model of its own label the dev part with the same score.
    predictor = Predictor.load(checkpoint)
    used = np.unique(np.concatenate([prepared.windows.used_pieces, prepared.dev.windows.used_pieces]))  # type: ignore[union-attr]
    weights = dict(predictor.model.named_parameters())
    table = predictor.model.get_input_embeddings().weight
    assert means.keys() == weights.keys()
    with torch.no_grad():
        for name, mean in means.items():
            weights[name][torch.from_numpy(used.astype(np.int64)) if weights[name] is table else slice(None)] = mean
    labelled = list(predictor.predict(DEV.sentences))  # type: ignore[arg-type]
    gold = with_scheme(DEV, predictor.scheme)
    evaluation = score([s.labels or () for s in gold], [p.labels for p in labelled if isinstance(p, Prediction)])
    assert pause.dev_f1 == pytest.approx(evaluation.default.f1, abs=1e-12)
    assert pause.dev_f1 > 0, "a model that has learned nothing shows nothing"


@pytest.mark.parametrize("given", [{}, {"lora_rank": 2}], ids=["all", "lora"])
def test_a_mean_goes_on_from_a_checkpoint_within_its_window(
    tiny_bert: Path, tmp_path: Path, given: dict[str, Any]
) -> None:
    if given:
        pytest.importorskip("peft")
    config = settings(tiny_bert, **given)
    prepared = prepared_parts(config)
    straight = paused(prepared, config, tmp_path / "straight", 1.5, 0.75)
    paused(prepared, config, tmp_path / "cut", 1.0, 0.75)
    cut = paused(prepared, config, tmp_path / "cut", 1.5, 0.75)
    again = paused(prepared, config, tmp_path / "cut", 1.5, 0.75)  # its worker died before it could say the score
    assert cut[:3] == straight[:3] == again[:3]
    as_it_is = paused(prepared, config, tmp_path / "cut", 1.5, None)
    assert as_it_is.step == cut.step
    assert as_it_is.dev_f1 != cut.dev_f1, "a mean that changes nothing shows nothing"
    files = [newest(tmp_path / name) / "model.safetensors" for name in ("straight", "cut")]
    assert files[0].read_bytes() == files[1].read_bytes(), "training goes on from the weights, not from their mean"


def test_a_mean_of_another_window_is_left_alone_and_a_damaged_one_is_said(tiny_bert: Path, tmp_path: Path) -> None:
    config = settings(tiny_bert)
    prepared = prepared_parts(config)
    paused(prepared, config, tmp_path / "run", 0.5, 0.25)
    checkpoint = newest(tmp_path / "run")
    assert checkpoints.load_mean(checkpoint, since=3) is None
    again = paused(prepared, config, tmp_path / "fresh", 1.0, 0.5)
    assert paused(prepared, config, tmp_path / "run", 1.0, 0.5)[:3] == again[:3]

    mean = newest(tmp_path / "run") / "mean.safetensors"
    mean.write_bytes(mean.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="is damaged"):
        paused(prepared, config, tmp_path / "run", 1.0, 0.5)
    assert isinstance(fit_prepared(prepared, config, tmp_path / "run"), FitResult), "its weights are whole"
