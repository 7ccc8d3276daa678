from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import nomina
from encoders import ARCHITECTURES
from nomina.errors import ConfigError, EncoderError
from nomina.model import Tagger, cpu_kernels
from nomina.training import checks
from nomina.training.checks import check_training
from nomina.training.compute import attention_kernel, recomputing
from nomina.training.config import RunConfig
from nomina.training.fit import FitResult, fit
from nomina.training.trainer import TaggerTrainer

EncoderFolder = Callable[[str], Path]

CORPUS = nomina.read("sample")[:24]


def run(encoder: Path, folder: Path, **settings: Any) -> FitResult:
    given = {"epochs": 1, "batch_size": 8, "save_every": 2, "device": "cpu", "precision": "fp32", "learning_rate": 1e-3}
    folder.mkdir()
    return fit(CORPUS, CORPUS[:8], RunConfig.build(None, encoder=str(encoder), **given, **settings), folder)


@pytest.fixture
def encoder_in_training(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Gets the encoder's kernel and whether it recomputes activations, as each batch sees them."""
    seen: list[Any] = []
    step = TaggerTrainer.training_step

    def watched(self: TaggerTrainer, *args: Any, **kwargs: Any) -> torch.Tensor:
        model = self.predictor.model
        recomputes = any(getattr(module, "gradient_checkpointing", False) for module in model.encoder.modules())
        seen.append((model.encoder.config._attn_implementation, recomputes))  # type: ignore[union-attr]
        return step(self, *args, **kwargs)

    monkeypatch.setattr(TaggerTrainer, "training_step", watched)
    return seen


@pytest.mark.slow
@pytest.mark.filterwarnings("error::FutureWarning")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_recomputed_activations_give_the_same_weights(
    architecture: str,
    encoder_folder: EncoderFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoder_in_training: list[Any],
) -> None:
    n_calls = 0
    linear = torch.nn.Linear.forward

    def counted(self: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
        nonlocal n_calls
        n_calls += 1
        return linear(self, x)

    monkeypatch.setattr(torch.nn.Linear, "forward", counted)
    calls, weights = [], []
    for wanted in (False, True):
        n_calls = 0
        # With dropout: the second pass must draw what the first one drew.
        result = run(encoder_folder(architecture), tmp_path / str(wanted), gradient_checkpointing=wanted)
        calls.append(n_calls)
        model = result.predictor.model
        weights.append(model.state_dict())
        assert [recomputes for _, recomputes in encoder_in_training] == [wanted] * 3
        encoder_in_training.clear()
        assert not any(getattr(module, "gradient_checkpointing", False) for module in model.modules())
        assert not model.get_input_embeddings()._forward_hooks
    assert calls[1] > calls[0]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_an_encoder_that_cannot_recompute() -> None:
    model: Any = SimpleNamespace(encoder=torch.nn.Linear(2, 2))
    with (
        pytest.raises(EncoderError, match=r"gradient_checkpointing: .* found Linear.*batch_size"),
        recomputing(model, True),
    ):
        pass
    with recomputing(model, False):
        pass


@pytest.mark.parametrize("name", ["sdpa", "eager", "auto"])
def test_a_kernel_that_was_asked_for_wins_over_the_cpu_s_own(name: str, tiny_bert: Path) -> None:
    model = Tagger.from_encoder(str(tiny_bert), labels=["O"])
    config: Any = model.encoder.config
    with cpu_kernels(model):
        ours = config._attn_implementation
        with attention_kernel(model, name):
            assert config._attn_implementation == (ours if name == "auto" else name)
        assert config._attn_implementation == ours != "sdpa"
    assert config._attn_implementation == "sdpa"


@pytest.mark.slow
def test_the_kernel_arrives_in_training(tiny_bert: Path, tmp_path: Path, encoder_in_training: list[Any]) -> None:
    eager, sdpa = (run(tiny_bert, tmp_path / name, attention=name) for name in ("eager", "sdpa"))
    assert [kernel for kernel, _ in encoder_in_training] == ["eager"] * 3 + ["sdpa"] * 3
    assert eager.predictor.model.encoder.config._attn_implementation == "sdpa"  # type: ignore[union-attr]
    assert sdpa.n_steps == 3


@pytest.mark.parametrize("name", ["sdpa", "flash_attention_2", "flex_attention"])
def test_an_encoder_without_the_kernel(name: str, encoder_folder: EncoderFolder) -> None:
    model = Tagger.from_encoder(str(encoder_folder("deberta-v3")), labels=["O"])
    with pytest.raises(EncoderError, match=rf"{name}; found: DebertaV2Model.*choose"), attention_kernel(model, name):
        pass
    with attention_kernel(model, "eager"):
        pass


def test_a_kernel_that_is_not_installed(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Tagger.from_encoder(str(tiny_bert), labels=["O"])

    def absent(*args: Any, **kwargs: Any) -> None:
        raise ImportError("no package flash_attn.")

    monkeypatch.setattr(model.encoder, "_check_and_adjust_attn_implementation", absent)
    match = "expected flash_attention_2 to be at hand for BertModel; found: no package flash_attn"
    with pytest.raises(EncoderError, match=match), attention_kernel(model, "flash_attention_2"):
        pass
    assert model.encoder.config._attn_implementation == "sdpa"  # type: ignore[union-attr]


def test_flex_attention_drops_no_weights(encoder_folder: EncoderFolder) -> None:
    bert = Tagger.from_encoder(str(encoder_folder("bert-cased")), labels=["O"])
    with pytest.raises(EncoderError, match=r"found: 0\.1 in BertModel"), attention_kernel(bert, "flex_attention"):
        pass
    assert bert.encoder.config._attn_implementation == "sdpa"  # type: ignore[union-attr]
    modern = Tagger.from_encoder(str(encoder_folder("modernbert")), labels=["O"])
    with attention_kernel(modern, "flex_attention"):
        assert modern.encoder.config._attn_implementation == "flex_attention"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["flash_attention_2", "flex_attention"])
def test_kernels_of_gpus_are_refused_before_anything_loads(name: str, tmp_path: Path) -> None:
    config = RunConfig.build(None, attention=name, device="cpu", encoder="nowhere")
    [fault] = check_training(config.training, config.model)
    assert fault.startswith(f"[model] attention: {name} trains on a GPU only, found 'cpu'")
    with pytest.raises(ConfigError, match="trains on a GPU only"):
        fit(CORPUS, None, config, tmp_path)


def test_flash_attention_wants_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    def faults(**settings: Any) -> list[str]:
        config = RunConfig.build(None, attention="flash_attention_2", **settings)
        return check_training(config.training, config.model)

    monkeypatch.setattr(checks, "choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(checks, "has_fast_bf16", lambda *, use_cpu: not use_cpu)
    assert faults() == faults(precision="bf16") == []
    assert "computes in bf16 or fp16, found fp32" in faults(precision="fp32")[0]
    monkeypatch.setattr(checks, "has_fast_bf16", lambda *, use_cpu: False)
    assert len(faults()) == 1


def test_the_number_of_threads_is_that_of_the_settings_while_training(tiny_bert: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    seen: list[int] = []
    config = RunConfig.build(None, encoder=str(tiny_bert), epochs=1, threads=before + 1)
    fit(CORPUS[:20], CORPUS[:10], config, tmp_path, say=lambda line: seen.append(torch.get_num_threads()))
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before
