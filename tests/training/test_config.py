from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.errors import ConfigError
from nomina.training.config import RunConfig, settings


def test_every_setting_has_a_name_of_its_own_and_a_description() -> None:
    names = Counter(setting.name for setting in settings())
    assert max(names.values()) == 1
    assert all(setting.description for setting in settings())


def test_all_faults_are_listed_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        RunConfig.build(
            {"model": {"dropout": 1.5, "encodr": "x"}, "training": {"epochs": "many", "dropout": 0.1}, "trainig": {}},
            batch_size=0,
            lerning_rate=1,
        )
    text = str(caught.value)
    assert len(caught.value.faults) == 7
    for part in ("dropout", "did you mean 'encoder'", "epochs", "[model]", "did you mean 'training'", "batch_size"):
        assert part in text
    assert "did you mean 'learning_rate'" in text
    assert "belongs in section [model]" in text


def test_lists_may_be_text() -> None:
    config = RunConfig.build(None, train="sample", split="70, 20,10", features="none", report_to="wandb,mlflow")
    assert config == RunConfig.build(
        None, train=("sample",), split=(70, 20, 10), features=(), report_to=("wandb", "mlflow")
    )


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('[model]\nencoder = "minilm"\ndropout = 0.2\n[data]\ntrain = ["a.conll"]\nsplit = [70, 20, 10]\n')
    config = RunConfig.load(path, dropout="0.3", epochs=2, features=None)
    assert (config.model.encoder, config.model.dropout, config.training.epochs) == ("minilm", 0.3, 2)
    assert config.data.split == (70, 20, 10)


@given(
    dropout=st.floats(0, 0.9),
    seed=st.integers(0, 2**32 - 1),
    features=st.sampled_from([None, ("none",), ("pos",), ("pos", "chunk")]),
    columns=st.sampled_from([None, "word,pos,_,label"]),
    scheme=st.sampled_from([None, "IOB1", "BILOU"]),
    source=st.text(min_size=1),
)
def test_toml_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    dropout: float,
    seed: int,
    features: tuple[str, ...] | None,
    columns: str | None,
    scheme: str | None,
    source: str,
) -> None:
    config = RunConfig.build(
        None, dropout=dropout, seed=seed, features=features, columns=columns, scheme=scheme, train=(source,)
    )
    path = tmp_path_factory.mktemp("config") / "run.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    assert RunConfig.load(path) == config


@pytest.mark.parametrize("text", ["not toml", "[model]\ndropout = [1", "\x00"])
def test_a_file_that_is_no_toml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"run\.toml"):
        RunConfig.load(path)


def test_missing_file() -> None:
    with pytest.raises(ConfigError, match="No such file"):
        RunConfig.load("nowhere/run.toml")


def test_no_features_and_one_changed_setting() -> None:
    config = RunConfig.build(None, features=("none",))
    assert config.model.features == ()
    changed = config.with_settings(learning_rate=1e-4)
    assert changed.training.learning_rate == 1e-4
    assert changed.model == config.model


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_numbers_are_finite(value: str) -> None:
    with pytest.raises(ConfigError, match="epochs"):
        RunConfig.build(None, epochs=value)


def test_features_with_size_and_dropout() -> None:
    model = RunConfig.build(None, features="pos:16:0.3,chunk:8,shape,lemma::0", pos_dim=20).model
    assert model.feature_names == ("pos", "chunk", "shape", "lemma")
    assert [tuple(model.feature(name)) for name in model.feature_names] == [
        ("pos", 16, 0.3),
        ("chunk", 8, 0.1),
        ("shape", 20, 0.0),  # can be computed always
        ("lemma", 20, 0.0),
    ]
    joint = RunConfig.build(None, features="pos,chunk", pos_source="joint").model
    assert [joint.feature(name).dropout for name in ("pos", "chunk")] == [0.5, 0.1]
    assert (
        RunConfig.build(None, features="pos", pos_source="joint", pos_dropout=0.2).model.feature("pos").dropout == 0.2
    )


@pytest.mark.parametrize("feature", ["pos:0", "pos:x", "pos:8:2", "pos:8:0.1:9", ":8", "pos:8:-1"])
def test_features_that_cannot_be_read(feature: str) -> None:
    with pytest.raises(ConfigError, match="expected NAME, NAME:DIM or NAME:DIM:DROPOUT"):
        RunConfig.build(None, features=feature)


def test_features_named_twice() -> None:
    with pytest.raises(ConfigError, match="each feature once"):
        RunConfig.build(None, features="pos:8,pos:16")


@pytest.mark.parametrize("source", ["spacy", "spacy:", "gold", ""])
def test_sources_that_are_none(source: str) -> None:
    with pytest.raises(ConfigError, match="expected none, joint, spacy:PIPELINE"):
        RunConfig.build(None, pos_source=source)
