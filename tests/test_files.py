from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nomina.errors import OutputError
from nomina.files import open_output, write_text


def interrupt(path: Path) -> None:
    with open_output(path) as file:
        file.write("half")
        raise RuntimeError


def test_a_file_is_complete_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with pytest.raises(RuntimeError):
        interrupt(path)
    assert list(path.parent.iterdir()) == []

    write_text(path, "whole\n")
    with pytest.raises(RuntimeError):
        interrupt(path)
    assert path.read_text() == "whole\n"
    assert list(path.parent.iterdir()) == [path]


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "first")
    with pytest.raises(OutputError, match="--overwrite"), open_output(path, overwrite=False):
        pass
    assert path.read_text() == "first"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        write_text(blocked / "below.txt", "y")


@pytest.mark.parametrize("length", [250, 300])
def test_a_name_that_is_too_long(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("n" * length)
    with pytest.raises(OutputError, match=r"cannot write .*name too long"), open_output(path, overwrite=False):
        pass
    assert list(tmp_path.iterdir()) == []


def interrupt_beyond_repair(folder: Path) -> None:
    with open_output(folder / "file.txt"):
        shutil.rmtree(folder)
        folder.write_text("in its place")
        raise RuntimeError


def test_what_cannot_be_tidied_up_does_not_hide_the_fault(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        interrupt_beyond_repair(tmp_path / "new")
