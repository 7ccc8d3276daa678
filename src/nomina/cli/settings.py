"""Turn every setting of a run into a flag."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from nomina.training.config import Setting, plain_types, settings

__all__ = ["with_settings"]

_PANELS = {"data": "Data", "model": "Model", "training": "Training"}


def with_settings(
    *, sections: tuple[str, ...] = ("data", "model", "training"), skip: tuple[str, ...] = ("train",)
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a flag for each setting; the command gets those that were given as the dictionary ``flags``.

    A new setting in ``RunConfig`` thereby has its flag. Values stay text here: the config checks them, so that all
    faults are said at once.

    Args:
        sections: Which sections' settings.
        skip: Settings without a flag.
    """
    chosen = [s for s in settings() if s.section in sections and s.name not in skip]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def call(**arguments: Any) -> None:
            given = {s.name: arguments.pop(s.name) for s in chosen}
            flags = {name: value for name, value in given.items() if value is not None}
            command(flags=flags, **arguments)

        wrapper: Any = call
        # Python evaluates the command's own annotations lazily; typer reads them from here.
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.name != "flags"]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in [*own, *map(_parameter, chosen)]]
        wrapper.__signature__ = signature.replace(parameters=parameters)
        wrapper.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
        del wrapper.__wrapped__
        decorated: Callable[..., None] = wrapper
        return decorated

    return decorate


def _parameter(setting: Setting) -> inspect.Parameter:
    flag = f"--{setting.name.replace('_', '-')}"
    is_switch = setting.annotation is bool
    option = typer.Option(
        f"{flag}/--no-{flag[2:]}" if is_switch else flag,
        help=f"{setting.description[0].upper()}{setting.description[1:]}.{_shown_default(setting)}",
        metavar=None if is_switch else _metavar(setting),
        rich_help_panel=_PANELS[setting.section],
        show_default=False,
    )
    plain: Any = bool | None if is_switch else str | None
    annotation: Any = Annotated[plain, option]
    return inspect.Parameter(setting.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _metavar(setting: Setting) -> str:
    plain = plain_types(setting.annotation)[0]
    if get_origin(plain) is Literal:
        return "|".join(map(str, get_args(plain)))
    if get_origin(plain) is tuple:
        return "A,B,…" if get_args(plain)[-1] is Ellipsis else ",".join("ABC"[: len(get_args(plain))])
    if isinstance(plain, type) and issubclass(plain, Enum):
        return "|".join(str(member.value) for member in plain)
    return {int: "N", float: "X"}.get(plain, "TEXT")


def _shown_default(setting: Setting) -> str:
    default = setting.default
    if default in (None, (), False, ""):
        return ""
    if isinstance(default, Enum):
        default = default.value
    if isinstance(default, tuple):
        default = ",".join(f"{value:g}" if isinstance(value, float | int) else str(value) for value in default)
    return f" [default: {default}]".replace("[", "\\[")
