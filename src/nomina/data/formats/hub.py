"""Corpora of the ``datasets`` library: folders that it saved, and data sets of the Hugging Face hub.

The hub is asked only where the source says so: ``hf:OWNER/NAME``, ``hf:OWNER/NAME:SPLIT``, ``hf:OWNER/NAME:CONFIG`` or
``hf:OWNER/NAME:CONFIG:SPLIT``. Code of a data set is never run (``datasets`` from version 4 on cannot).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nomina.data.formats.collect import ReadOptions, Result
from nomina.data.formats.parquet import class_names, read_rows, table
from nomina.data.records import Sentence
from nomina.errors import DataError, FormatError, MissingExtraError

__all__ = ["HUB", "foreign", "looks_like", "read", "write"]

HUB = "hf:"
"""How a source on the hub begins."""

_ONE, _SEVERAL = "state.json", "dataset_dict.json"
_SAVED = re.compile(rf"data-[0-9]+-of-[0-9]+\.arrow|dataset_info\.json|{re.escape(_ONE)}")


def looks_like(source: str) -> bool:
    """Whether this names the hub, or a folder that ``save_to_disk`` wrote."""
    folder = Path(source)
    return source.startswith(HUB) or any((folder / name).is_file() for name in (_ONE, _SEVERAL))


def foreign(folder: Path) -> list[str]:
    """Names of what stands in a folder beside what ``save_to_disk`` wrote there, in order."""
    if not (folder / _SEVERAL).is_file():
        return _foreign_files(folder)
    found = []
    for entry in folder.iterdir():
        if (entry / _ONE).is_file():
            found += [f"{entry.name}/{name}" for name in _foreign_files(entry)]
        elif entry.is_dir() or entry.name != _SEVERAL:
            found.append(entry.name)
    return sorted(found)


def _foreign_files(folder: Path) -> list[str]:
    has_state = (folder / _ONE).is_file()
    return sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() or not has_state or not _SAVED.fullmatch(entry.name)
    )


def read(source: str, options: ReadOptions) -> Result:
    """Read one split; lines in notes and errors are numbers of rows, from 1.

    Args:
        source: A folder of a ``Dataset`` (also as ``FOLDER/SPLIT`` of a ``DatasetDict``), of a ``DatasetDict`` with one
            split, or what names the hub.
        options: How to read.

    Raises:
        DataError: If it cannot be read, has several splits and none is named, or a row is faulty.
        MissingExtraError: If the ``datasets`` library is not installed.
    """
    datasets = _import()
    loaded = _download(datasets, source) if source.startswith(HUB) else _open(datasets, source)
    if isinstance(loaded, datasets.DatasetDict):
        if len(loaded) != 1:
            listing = ", ".join(loaded) or "none"
            separator = ":" if source.startswith(HUB) else "/"
            example = f"{source}{separator}{next(iter(loaded), 'train')}"
            raise DataError(f"expected one split, found: {listing}; name one, as in {example}", path=source)
        loaded = next(iter(loaded.values()))
    rows = loaded.with_format(None).to_list()
    return read_rows(rows, class_names(loaded.features.arrow_schema.metadata), source, options)


def write(sentences: Sequence[Sentence], folder: Path) -> None:
    """Save as a ``Dataset``, which ``datasets.load_from_disk`` opens.

    Raises:
        MissingExtraError: If the ``datasets`` library is not installed.
    """
    datasets = _import()
    with _quiet(datasets):
        datasets.Dataset(table(sentences)).save_to_disk(folder)


def _open(datasets: Any, folder: str) -> Any:
    try:
        return datasets.load_from_disk(folder)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise FormatError(
            f"expected a folder that save_to_disk of the datasets library wrote, found a fault: {error}", path=folder
        ) from error


def _download(datasets: Any, source: str) -> Any:
    name, *rest = source.removeprefix(HUB).split(":")
    if name.count("/") > 1 or not name or len(rest) > 2:
        raise DataError("expected hf:OWNER/NAME, hf:OWNER/NAME:SPLIT or hf:OWNER/NAME:CONFIG:SPLIT", path=source)
    try:
        if len(rest) == 1 and rest[0] in datasets.get_dataset_config_names(name):
            rest.append("")
        config, split = (rest if len(rest) == 2 else ["", *rest]) if rest else ("", "")
        return datasets.load_dataset(name, config or None, split=split or None)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(
            f"expected a data set of the Hugging Face hub, found a fault: {error}; check the name and the connection, "
            "or fetch its Parquet files and name them",
            path=source,
        ) from error


@contextmanager
def _quiet(datasets: Any) -> Iterator[None]:
    """Within, the library draws no progress bars."""
    enabled = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if enabled:
            datasets.enable_progress_bars()


def _import() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "datasets") from error
    return datasets
