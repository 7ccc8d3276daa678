"""A space is checked against the settings it belongs to, and gives the cells that were asked for."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.errors import ConfigError
from nomina.training.config import RunConfig
from nomina.tuning.space import Choice, Range, Space, default_space, load_space, parse_space

CONFIG = RunConfig.build(None, encoder="minilm")


def faults(values: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_space(values, CONFIG)
    return list(caught.value.faults)


def test_a_grid_has_every_cell_once_in_order() -> None:
    space = parse_space(
        {"learning_rate": [1e-4, 3e-4], "head": ["linear", "crf"], "constrained": [False, True]}, CONFIG
    )
    cells = list(space.grid())
    assert space.n_cells == len(cells) == 8
    assert [tuple(cell.values()) for cell in cells] == list(
        itertools.product([1e-4, 3e-4], ["linear", "crf"], [False, True])
    )
    assert all(tuple(cell) == space.names == ("learning_rate", "head", "constrained") for cell in cells)


def test_a_space_comes_from_toml_and_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text(
        "learning_rate = {low = 1e-5, high = 1e-3, log = true}\nbatch_size = {low = 8, high = 64, step = 8}\n"
        'features = ["pos:32", ["pos", "shape"], "none"]\nepochs = [2, 3]\n',
        encoding="utf-8",
    )
    space = load_space(path, CONFIG)
    assert space.dimensions == (
        Range("learning_rate", 1e-5, 1e-3, log=True),
        Range("batch_size", 8, 64, step=8, is_whole=True),
        Choice("features", ("pos:32", "pos,shape", "none")),
        Choice("epochs", (2, 3)),
    )
    assert parse_space(space.to_dict(), CONFIG) == space
    assert space.n_cells is None
    with pytest.raises(ConfigError, match="learning_rate: a grid needs a list"):
        list(space.grid())


def test_all_faults_are_said_at_once() -> None:
    found = faults(
        {
            "learning_rat": [1e-4],
            "batch_size": [0, 16],
            "dropout": [0.1, 0.1],
            "head": "crf",
            "seed": [1, 2],
            "split": ["80,10,10"],
            "fusion": {"low": 0, "high": 1},
            "pos_dim": [],
            "epochs": {"low": 3, "high": 1},
            "weight_decay": {"low": 0, "high": 1, "log": True},
            "warmup": {"low": 0, "high": 2},
            "accumulation": {"low": 1, "high": 4, "stop": 3},
            "lora_rank": {"low": 1, "high": 8, "step": 0.5},
            "log_every": {"low": 1, "high": 8, "step": 2},
            "max_pieces": {"low": 16, "high": 64},
            "threads": [1, 2],
        }
    )
    expected = (
        "unknown setting 'learning_rat'; did you mean 'learning_rate'?",
        "batch_size: ",
        "dropout: expected each value once",
        "head: expected a list of values or a range",
        "seed: seeds are no choice to make",
        "split: settings of [data] cannot be searched",
        "fusion: expected a list of values, found a range; it is no number",
        "pos_dim: expected at least one value",
        "epochs: expected numbers with low < high",
        "weight_decay: expected low above 0 with log",
        "warmup: ",
        "accumulation: unknown key 'stop'",
        "lora_rank: expected a whole number as step",
        "log_every: expected high to be low and a number of steps",
        "max_pieces: expected a list of values, found a range; the corpus is encoded",
        "threads: the number of threads is that of the whole search",
    )
    for text in expected:
        assert sum(text in fault for fault in found) == 1, (text, found)
    assert len(found) == len(expected)
    assert all(fault.startswith("space: ") for fault in found)
    assert faults({}) == ["space: expected at least one setting, found none"]


@pytest.mark.parametrize("content", [None, "learning_rate = ", "\xff"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "space.toml"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match="space: "):
        load_space(path, CONFIG)


@given(low=st.floats(1e-6, 0.5), width=st.floats(0.05, 0.5), log=st.booleans(), seed=st.integers(0, 99))
def test_draws_stay_in_their_range(low: float, width: float, log: bool, seed: int) -> None:
    space = Space((Range("dropout", low, low + width, log=log), Range("batch_size", 8, 24, step=8, is_whole=True)))
    draws = space.draws(6, seed)
    assert draws == space.draws(6, seed)
    assert len({tuple(draw.values()) for draw in draws}) == len(draws) == 6
    for draw in draws:
        assert low <= draw["dropout"] <= low + width  # type: ignore[operator]
        assert draw["batch_size"] in (8, 16, 24)
        assert isinstance(draw["batch_size"], int)


def test_draws_from_lists_are_different_cells_in_grid_order() -> None:
    space = parse_space({"batch_size": [8, 16, 32], "dropout": [0.0, 0.1]}, CONFIG)
    cells = list(space.grid())
    drawn = space.draws(4, seed=1)
    assert [cell for cell in cells if cell in drawn] == drawn
    assert len(drawn) == 4
    assert drawn != space.draws(4, seed=2)
    assert space.draws(100, seed=1) == cells
    assert len(Space((Range("batch_size", 1, 3, is_whole=True),)).draws(10, 0)) == 3


def test_a_log_range_is_drawn_evenly_over_its_factors() -> None:
    rng_values = [
        cell["learning_rate"] for cell in Space((Range("learning_rate", 1e-5, 1e-1, log=True),)).draws(400, 0)
    ]
    below = sum(value < 1e-3 for value in rng_values)  # type: ignore[operator]
    assert 150 < below < 250


def test_the_default_is_the_four_of_the_workflow() -> None:
    space = default_space(CONFIG, 3e-4, reads_pos=True)
    assert space.to_dict() == {
        "learning_rate": [1e-4, 3e-4],
        "batch_size": [16, 32],
        "dropout": [0.1, 0.3],
        "pos_dim": [16, 64],
    }
    assert default_space(CONFIG, 5e-5, reads_pos=False).names == ("learning_rate", "batch_size", "dropout")


def test_steps_are_not_rounded_off_their_grid() -> None:
    draws = Space((Range("dropout", 0.0, 0.5, step=0.0625),)).draws(9, 0)
    assert sorted(draw["dropout"] for draw in draws) == [i / 16 for i in range(9)]  # type: ignore[type-var]
