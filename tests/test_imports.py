"""Who may import whom, read from the syntax trees; and what ``import nomina`` loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import nomina

PACKAGE = Path(nomina.__file__).parent

# What everybody may import: the exceptions, and the writing of files, which stands on them alone.
COMMON = {"errors", "files"}
# What each room may import besides. The root holds the version and finds the public names on first use.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "files": set(),
    "data": set(),
    "encoding": {"data"},
    "model": set(),
    "scoring": {"data"},
    "inference": {"model", "encoding", "data"},
    "training": {"inference", "model", "encoding", "scoring", "data"},
    "tuning": {"training", "inference", "model", "encoding", "scoring", "data"},
    "report": {"scoring", "data"},
    "serving": {"inference", "data"},
    "integrations": {"inference", "training", "tuning", "predicting", "data"},
}
ROOMS["judging"] = ROOMS.keys() - {"serving", "integrations"}
ROOMS["runs"] = ROOMS["judging"] | {"judging"}
ROOMS["exporting"] = ROOMS["runs"]
ROOMS["reading"] = ROOMS["results"] = ROOMS["runs"] | {"runs"}
ROOMS["checking"] = ROOMS["runs"] | {"reading"}
ROOMS["predicting"] = ROOMS["runs"] | {"reading"}
ROOMS["workflow"] = ROOMS["runs"] | {"runs", "reading", "results"}
ROOMS["api"] = ROOMS["workflow"] | {"workflow", "checking"}
ROOMS["cli"] = set(ROOMS)
ROOMS["__main__"] = {"cli"}
LIGHT_ROOMS = ("errors", "files", "data", "scoring", "report")
HEAVY = ("matplotlib", "pydantic", "seqeval", "sklearn", "torch", "transformers")


class Import(NamedTuple):
    """One imported module or name: dotted, the line it stands on, and whether it runs as the module is loaded."""

    target: str
    line: int
    at_load: bool


def imports(source: str, package: tuple[str, ...]) -> Iterator[Import]:
    """All imports in a module of ``package``, in functions and for type checking too, relative ones made absolute."""
    tree = ast.parse(source)
    late = {id(inner) for node in ast.walk(tree) if _is_late(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            base = ".".join((*above, *filter(None, [node.module])))
            targets = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (Import(target, node.lineno, id(node) not in late) for target in targets)


def _is_late(node: ast.AST) -> bool:
    """Whether what stands in a node is not run as the module is loaded: functions, and imports for type checking."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def imports_of(path: Path) -> list[Import]:
    package = ("nomina", *path.relative_to(PACKAGE).parts[:-1])
    return list(imports(path.read_text(encoding="utf-8"), package))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imported_room(target: str) -> str | None:
    """The room that a dotted name lies in; ``None`` outside nomina and for the root's version."""
    parts = target.split(".")
    return parts[1] if parts[0] == "nomina" and target != "nomina.__version__" and len(parts) > 1 else None


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_down_the_table(path: Path) -> None:
    room = room_of(path)
    assert room in ROOMS, f"{room} is a new room: say in ROOMS what it may import"
    allowed = {room} if room == "errors" else ROOMS[room] | COMMON | {room}
    wrong = [f"line {i.line}: {i.target}" for i in imports_of(path) if imported_room(i.target) not in {None, *allowed}]
    assert not wrong, f"{room} may import {', '.join(sorted(allowed))} only"
    whole = [i.line for i in imports_of(path) if i.target == "nomina"]
    assert not whole, "name the room that is needed: the root imports them all, lazily"


@pytest.mark.parametrize("path", [p for p in files() if room_of(p) in LIGHT_ROOMS], ids=lambda p: str(p.name))
def test_light_rooms_import_neither_torch_nor_transformers(path: Path) -> None:
    assert {i.target.split(".")[0] for i in imports_of(path)}.isdisjoint({"torch", "transformers"})


def test_the_root_loads_errors_and_data_at_most() -> None:
    rooms = {imported_room(i.target) for i in imports_of(PACKAGE / "__init__.py") if i.at_load}
    assert rooms <= {None, "errors", "data"}


def test_every_kind_of_import_is_seen() -> None:
    source = """
import torch.nn
from ..data import tags
if TYPE_CHECKING:
    from . import tables
def f():
    from nomina import cli
"""
    assert [(i.target, i.at_load) for i in imports(source, ("nomina", "report"))] == [
        ("torch.nn", True),
        ("nomina.data.tags", True),
        ("nomina.report.tables", False),
        ("nomina.cli", False),
    ]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("nomina", HEAVY),
        ("nomina.cli", ("torch", "transformers")),
        ("nomina.checking", ("torch", "transformers")),
        ("nomina.serving.app", ("torch", "transformers")),
        ("nomina.inference", HEAVY),
    ],
)
def test_imports_stay_light(module: str, heavy: tuple[str, ...]) -> None:
    script = f"import sys, {module}; print(*(name for name in {heavy!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
