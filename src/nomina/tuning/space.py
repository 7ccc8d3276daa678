"""``Space``: which settings a search tries, and which values of each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nomina.errors import ConfigError
from nomina.scoring.search import Value
from nomina.training.config import RunConfig, Setting, plain_types, read_toml, settings

__all__ = ["Choice", "Dimension", "Range", "Space", "default_space", "load_space", "parse_space"]

_RANGE_KEYS = ("low", "high", "log", "step")
_DIGITS = 3
"""Significant digits of numbers drawn from a range: more would say nothing."""

_MAX_DRAWS = 1000

_NOT_SEARCHED = {
    "seed": "seeds are no choice to make; use --seeds",
    "threads": "the number of threads is that of the whole search; use --threads",
    "keep_checkpoints": "a search keeps the winner's weights only",
}


@dataclass(frozen=True)
class Choice:
    """A setting with a list of values."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Range:
    """A number between two others, both of them included.

    Attributes:
        name: The setting.
        low: Smallest value.
        high: Largest value.
        log: Whether equal factors count as equal steps.
        step: Distance from one value to the next, ``None`` for any value.
        is_whole: Whether values are whole numbers.
    """

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    is_whole: bool = False

    def draw(self, rng: np.random.Generator) -> int | float:
        """A random value, even over the range or, with ``log``, over its logarithm."""
        if self.step is not None:
            n_steps = math.floor((self.high - self.low) / self.step + 1e-9)
            value = round(self.low + self.step * int(rng.integers(n_steps + 1)), 12)
            return int(value) if self.is_whole else value
        if self.log:
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        elif self.is_whole:
            value = int(rng.integers(int(self.low), int(self.high) + 1))
        else:
            value = rng.uniform(self.low, self.high)
        if self.is_whole:
            return min(max(round(value), int(self.low)), int(self.high))
        return min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)


Dimension = Choice | Range


@dataclass(frozen=True)
class Space:
    """The settings that a search tries, checked against the config they belong to.

    Attributes:
        dimensions: One for each setting, in the order given.
    """

    dimensions: tuple[Dimension, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The settings, in the order given."""
        return tuple(dimension.name for dimension in self.dimensions)

    @property
    def n_cells(self) -> int | None:
        """How many choices of all values there are; ``None`` with a range among them."""
        if any(isinstance(dimension, Range) for dimension in self.dimensions):
            return None
        return math.prod(len(dimension.values) for dimension in self.dimensions if isinstance(dimension, Choice))

    def grid(self) -> Iterator[dict[str, Value]]:
        """Every choice of values, the last setting changing fastest.

        Raises:
            ConfigError: If a setting has a range.
        """
        ranges = [dimension.name for dimension in self.dimensions if isinstance(dimension, Range)]
        if ranges:
            raise ConfigError(
                [f"space: {name}: a grid needs a list of values, found a range; try --strategy tpe" for name in ranges]
            )
        lists = [dimension.values for dimension in self.dimensions if isinstance(dimension, Choice)]
        for values in itertools.product(*lists):
            yield dict(zip(self.names, values, strict=True))

    def draws(self, n: int, seed: int) -> list[dict[str, Value]]:
        """Random choices of values, all different (random search; Bergstra and Bengio 2012).

        Args:
            n: How many, 1 or more; fewer come back where there are fewer.
            seed: Of the draws.
        """
        rng = np.random.default_rng(seed)
        if self.n_cells is not None:
            cells = list(self.grid())
            return [cells[i] for i in sorted(rng.permutation(len(cells))[:n].tolist())]
        found: dict[tuple[Value, ...], dict[str, Value]] = {}
        for _ in range(max(_MAX_DRAWS, 10 * n)):
            if len(found) == n:
                break
            cell = {dimension.name: _draw(dimension, rng) for dimension in self.dimensions}
            found.setdefault(tuple(cell.values()), cell)
        return list(found.values())

    def to_dict(self) -> dict[str, Any]:
        """As :func:`parse_space` reads it."""
        return {
            d.name: list(d.values)
            if isinstance(d, Choice)
            else {"low": d.low, "high": d.high, "log": d.log, **({} if d.step is None else {"step": d.step})}
            for d in self.dimensions
        }


def _draw(dimension: Dimension, rng: np.random.Generator) -> Value:
    if isinstance(dimension, Range):
        return dimension.draw(rng)
    return dimension.values[int(rng.integers(len(dimension.values)))]


def load_space(path: str | Path, config: RunConfig) -> Space:
    """Read a space from a TOML file; see :func:`parse_space`.

    Raises:
        ConfigError: If the file is missing, is not TOML, or holds faults.
    """
    return parse_space(read_toml(path, noun="a TOML file", place="space: "), config)


def parse_space(values: Mapping[str, Any], config: RunConfig) -> Space:
    """Check a space against the settings of a run.

    Args:
        values: By setting: a list of values, or ``{"low": …, "high": …, "log": false, "step": …}``. Any setting of
            ``[model]`` and ``[training]`` but ``seed``; settings that are lists themselves are written as on the
            command line (``"pos:32,shape"``).
        config: Settings of all trials; what is not searched stays as it is there.

    Raises:
        ConfigError: With every fault: unknown settings, values that the config refuses, empty or repeated ones.
    """
    known = {setting.name: setting for setting in settings()}
    faults: list[str] = []
    dimensions: list[Dimension] = []
    if not values:
        faults.append("space: expected at least one setting, found none")
    for name, value in values.items():
        if name not in known:
            faults += _faults(config, name, None)
        elif known[name].section == "data":
            faults.append(f"space: {name}: settings of [data] cannot be searched: all trials are judged alike")
        elif name in _NOT_SEARCHED:
            faults.append(f"space: {name}: {_NOT_SEARCHED[name]}")
        elif isinstance(value, Mapping):
            dimensions += _range(known[name], value, config, faults)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            dimensions += _choice(name, value, config, faults)
        else:
            faults.append(f"space: {name}: expected a list of values or a range {{low, high}}, found {value!r}")
    if faults:
        raise ConfigError(faults)
    return Space(tuple(dimensions))


def _choice(name: str, values: Sequence[Any], config: RunConfig, faults: list[str]) -> list[Dimension]:
    plain = tuple(",".join(map(str, v)) if isinstance(v, Sequence) and not isinstance(v, str) else v for v in values)
    found = [fault for value in plain for fault in _faults(config, name, value)]
    if not plain:
        found.append(f"space: {name}: expected at least one value, found none")
    if len({value if value == value else repr(value) for value in plain}) < len(plain):
        found.append(f"space: {name}: expected each value once, found {list(plain)}")
    faults += found
    return [] if found else [Choice(name, plain)]


def _range(setting: Setting, value: Mapping[str, Any], config: RunConfig, faults: list[str]) -> list[Dimension]:
    name = setting.name
    kinds = [kind for kind in plain_types(setting.annotation) if kind in (int, float)]
    found = [
        f"space: {name}: unknown key {key!r} of a range; known are: {', '.join(_RANGE_KEYS)}"
        for key in value
        if key not in _RANGE_KEYS
    ]
    low, high, step, log = (value.get(key) for key in ("low", "high", "step", "log"))
    if not kinds:
        found.append(f"space: {name}: expected a list of values, found a range; it is no number")
    elif name == "max_pieces":
        found.append(f"space: {name}: expected a list of values, found a range; the corpus is encoded for each of them")
    elif not _is_number(low) or not _is_number(high) or low >= high:  # type: ignore[operator]
        found.append(f"space: {name}: expected numbers with low < high, found low = {low!r}, high = {high!r}")
    elif log and low <= 0:  # type: ignore[operator]
        found.append(f"space: {name}: expected low above 0 with log, found {low!r}")
    elif step is not None and (not _is_number(step) or step <= 0 or log):
        found.append(f"space: {name}: expected a step above 0, and none with log, found {step!r}")
    elif step is not None and abs((high - low) / step - round((high - low) / step)) > 1e-9:  # type: ignore[operator]
        found.append(f"space: {name}: expected high to be low and a number of steps, found {dict(value)}")
    else:
        found += [fault for end in (low, high) for fault in _faults(config, name, end)]
    if log not in (None, True, False):
        found.append(f"space: {name}: expected log to be true or false, found {log!r}")
    is_whole = int in kinds
    if is_whole and step is not None and not isinstance(step, int):
        found.append(f"space: {name}: expected a whole number as step, found {step!r}")
    faults += found
    return [] if found else [Range(name, low, high, bool(log), step, is_whole)]  # type: ignore[arg-type]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _faults(config: RunConfig, name: str, value: Any) -> list[str]:
    try:
        config.with_settings(**{name: value})
    except ConfigError as error:
        return [f"space: {fault}" for fault in error.faults]
    return []


def default_space(config: RunConfig, learning_rate: float, *, reads_pos: bool) -> Space:
    """What is searched if nothing is named: learning rate, batch size, dropout and POS dimension, two values each.

    Args:
        config: Settings of all trials.
        learning_rate: The encoder's usual rate; it and a third of it are tried.
        reads_pos: Whether there are part-of-speech tags to embed.
    """
    values: dict[str, list[Value]] = {
        "learning_rate": [float(f"{learning_rate / 3:.1g}"), learning_rate],
        "batch_size": [16, 32],
        "dropout": [0.1, 0.3],
    }
    if reads_pos:
        values["pos_dim"] = [16, 64]
    return parse_space(values, config)
