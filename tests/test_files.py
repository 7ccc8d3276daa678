from __future__ import annotations

import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import pytest

from nomina.errors import OutputError
from nomina.files import open_growing, open_output, part_of, write_text


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


def is_line(line: bytes) -> bool:
    return True


def grow(path: Path, records: list[str], *, fault: bool = False, **options: Any) -> int:
    """Write records behind those that are there; returns how many those are."""
    given: dict[str, Any] = {"ends_record": is_line, "facts": {"input": "a"}, **options}
    with open_growing(path, **given) as (file, n_records, last):
        assert last == (records[n_records - 1] if n_records else "")
        file.writelines(records[n_records:])
        if fault:
            raise RuntimeError
    return n_records


def test_what_was_written_stays_and_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.txt"
    records = ["one\n", "two\n", "three\n"]
    with pytest.raises(RuntimeError):
        grow(path, records[:2], fault=True)
    assert part_of(path).read_text() == "one\ntwo\n"
    assert not path.exists()
    with part_of(path).open("a") as file:
        file.write("thr")  # cut off in the middle
    with pytest.raises(OutputError, match="--resume"):
        grow(path, records)
    assert grow(path, records, resume=True) == 2
    assert path.read_text() == "".join(records)
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(OutputError, match="exists"):
        grow(path, records, resume=True)
    assert grow(path, ["other\n"], overwrite=True) == 0
    assert path.read_text() == "other\n"


def test_records_of_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "out.conll"
    part_of(path).write_text("a\nb\n\n\nc\n")  # the second one is empty, the third was cut off
    Path(f"{part_of(path)}.json").write_text('{"input": "a"}')
    records = ["a\nb\n\n", "\n", "c\nd\n\n"]
    assert grow(path, records, resume=True, ends_record=lambda line: line == b"\n") == 2
    assert path.read_text() == "".join(records)


def test_only_the_same_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    with pytest.raises(RuntimeError):
        grow(path, ["one\n"], fault=True)
    part_of(path).write_text("one\ntw")
    with pytest.raises(OutputError, match="begun with another input"):
        grow(path, ["one\n"], resume=True, facts={"input": "b"})
    assert part_of(path).read_text() == "one\ntw"
    assert grow(path, ["new\n"], overwrite=True, facts={"input": "b"}) == 0
    assert path.read_text() == "new\n"


def test_nothing_is_left_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        grow(tmp_path / "out.txt", [], fault=True)
    assert list(tmp_path.iterdir()) == []


def _try_to_grow(path: Path, results: Any) -> None:
    try:
        grow(path, ["x\n"], overwrite=True)
    except OutputError as error:
        results.put(str(error))


def test_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    with open_growing(path, ends_record=is_line, facts={}) as (file, *_):
        file.write("mine\n")
        other = context.Process(target=_try_to_grow, args=(path, results))
        other.start()
        assert "another process" in results.get(timeout=60)
        other.join()
    assert path.read_text() == "mine\n"
