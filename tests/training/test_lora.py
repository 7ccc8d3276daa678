from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import nomina
from encoders import ARCHITECTURES
from nomina.encoding.batches import collate
from nomina.encoding.tokenizers import load_tokenizer
from nomina.errors import MissingExtraError
from nomina.inference import Predictor
from nomina.model import Tagger
from nomina.scoring import score
from nomina.training import checkpoints
from nomina.training.checks import check_training
from nomina.training.config import RunConfig, TrainingConfig
from nomina.training.fit import FitResult, default_learning_rate, fit
from nomina.training.lora import lora

EncoderFolder = Callable[[str], Path]

CORPUS = nomina.read("sample")
TRAIN, DEV = CORPUS[:40], CORPUS[40:60]

needs_peft = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="needs the extra nomina[lora]")


def run(encoder: Path, folder: Path, *, resume: bool = False, lines: list[str] | None = None, **more: Any) -> FitResult:
    given = {"epochs": 3, "batch_size": 8, "save_every": 3, "device": "cpu", "lora_rank": 4, "log_every": 1, **more}
    folder.mkdir(exist_ok=True)
    config = RunConfig.build(None, encoder=str(encoder), precision="fp32", **given)
    return fit(TRAIN, DEV, config, folder, resume=resume, say=([] if lines is None else lines).append)


@contextmanager
def unlike_before(model: Tagger) -> Iterator[None]:
    """Within, the model has additions that are not zero."""
    with lora(model, 4):
        torch.manual_seed(1)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
        yield


@needs_peft
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_merged_weights_score_as_the_additions_do(architecture: str, encoder_folder: EncoderFolder) -> None:
    folder = str(encoder_folder(architecture))
    model = Tagger.from_encoder(folder, labels=["O", "B-x", "I-x"])
    model.train(False)
    predictor = Predictor.of(model, load_tokenizer(folder))
    batch: Any = collate(predictor.encode(CORPUS[:6].sentences), range(6))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        plain = model(**batch).logits
        with unlike_before(model):
            added = model(**batch).logits
            learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
            frozen = {name.replace(".base_layer", ""): weight for name, weight in model.state_dict().items()}
            assert all(torch.equal(before[name], frozen[name]) for name in before)
        merged = model(**batch).logits
    assert all("lora_" in name or not name.startswith("encoder.") for name in learning)
    assert {name for name in before if not name.startswith("encoder.")} <= learning
    # Every matrix of the encoder but the embeddings, and nothing else.
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    matrices = {
        f"{n}.weight" for n, m in model.encoder.named_modules(prefix="encoder") if isinstance(m, torch.nn.Linear)
    }
    assert changed == matrices
    assert model.state_dict().keys() == before.keys()
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not hasattr(model.encoder, "peft_config")
    torch.testing.assert_close(merged, added, atol=1e-5, rtol=0)
    assert (merged - plain).abs().max() > 1e-2


@needs_peft
@pytest.mark.slow
def test_a_trained_model_is_a_plain_one(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    result = run(tiny_bert, tmp_path / "run", lines=lines, head_learning_rate=1e-2)
    # 2 layers of width 32: four of 32 x 32, two of 32 x 64.
    n_learning = 2 * 4 * (4 * 64 + 2 * 96)
    assert f"{n_learning:,} weights of LoRA" in "\n".join(lines)
    assert result.learning_rate == 1e-3
    saved = tmp_path / "model"
    result.predictor.save(saved)
    names = load_file(saved / "model.safetensors").keys()
    plain = Tagger.from_encoder(str(tiny_bert), labels=["O"], features=result.predictor.model.config.features)
    assert names == plain.state_dict().keys()
    assert "peft" not in json.dumps(json.loads((saved / "config.json").read_text()))

    monkeypatch.setitem(sys.modules, "peft", None)  # importing it fails now
    again = Predictor.load(saved, device="cpu")
    windows = again.encode(DEV.sentences)
    assert again.tags(windows) == result.predictor.tags(windows)
    assert DEV.scheme is not None
    f1 = score([s.labels or () for s in DEV], again.tags(windows), again.scheme).default.f1
    assert f1 == pytest.approx(result.best_dev_f1)


@needs_peft
@pytest.mark.slow
@pytest.mark.parametrize("recompute", [False, True], ids=["keep", "recompute"])
def test_an_interrupted_run_ends_with_the_same_weights(
    recompute: bool, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tiny_bert, tmp_path / "whole").predictor.model.state_dict()
    mark_complete, n_marked = checkpoints.mark_complete, 0

    def interrupted(*args: Any) -> None:
        nonlocal n_marked
        mark_complete(*args)
        n_marked += 1
        if n_marked == 3:  # in the second epoch
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "mark_complete", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tiny_bert, tmp_path / "cut", gradient_checkpointing=recompute)
    lines: list[str] = []
    resumed = run(tiny_bert, tmp_path / "cut", resume=True, lines=lines, gradient_checkpointing=recompute)
    assert "resuming from checkpoint-6" in lines
    found = resumed.predictor.model.state_dict()
    assert found.keys() == whole.keys()
    assert all(torch.equal(whole[name], found[name]) for name in whole)


@needs_peft
@pytest.mark.slow
def test_only_matrices_of_the_encoder_learn(tiny_bert: Path, tmp_path: Path) -> None:
    result = run(tiny_bert, tmp_path / "run", learning_rate=2e-3)
    assert result.learning_rate == 2e-3
    before = Tagger.from_encoder(str(tiny_bert), labels=["O"]).encoder.state_dict()
    after = result.predictor.model.encoder.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name, value in before.items() if value.ndim == 2 and "embeddings" not in name}


def test_rank_zero_needs_nothing(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    model = Tagger.from_encoder(str(tiny_bert), labels=["O"])
    with lora(model, 0):
        assert all(parameter.requires_grad for parameter in model.parameters())


def test_without_peft_the_fault_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "peft" else find_spec(name))
    assert check_training(TrainingConfig()) == []
    [fault] = check_training(TrainingConfig(lora_rank=8))
    assert fault.startswith("[training] lora_rank: ")
    assert "pip install 'nomina[lora]'" in fault
    model: Any = None
    with pytest.raises(MissingExtraError), lora(model, 8):
        pass


def test_rates_are_higher_than_those_of_the_encoder() -> None:
    assert [default_learning_rate(dim, with_lora=True) for dim in (384, 768, 1024)] == [1e-3, 5e-4, 2e-4]
    assert default_learning_rate(768) == 5e-5
