"""Parquet: one row a sentence, with the columns of JSON lines; what the Hugging Face hub keeps corpora in."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from nomina.data.formats.collect import ReadOptions, Result
from nomina.data.formats.jsonl import RecordReader, read_names
from nomina.data.formats.pieces import PieceReader
from nomina.data.formats.write import record
from nomina.data.records import Sentence
from nomina.errors import DataError, FormatError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RowReader", "Rows", "class_names", "looks_like", "open_rows", "read", "read_rows", "table", "write"]

_MAGIC = b"PAR1"


def looks_like(data: bytes) -> bool:
    """Whether the bytes begin as Parquet does."""
    return data.startswith(_MAGIC)


def read(data: bytes, path: str, options: ReadOptions) -> Result:
    """Read a Parquet file; lines in notes and errors are numbers of rows, from 1.

    The columns are the keys of JSON lines (see :func:`nomina.data.formats.jsonl.read`). Integers of a ``ClassLabel``
    column are replaced by their names, which the ``datasets`` library keeps in the schema's metadata; other integer
    labels need ``label_names``.

    Raises:
        DataError: If a row is faulty.
        FormatError: If the file is damaged, or no Parquet.
        MissingExtraError: If pyarrow is not installed.
        TagError: If an entity tag is none.
    """
    _, pq = _import()
    with _said(path):
        found = pq.read_table(io.BytesIO(data))
        names = class_names(found.schema.metadata)
        rows = found.to_pylist()
    return read_rows(rows, names, path, options)


class Rows(NamedTuple):
    """An open Parquet file.

    Attributes:
        reader: Reads its rows.
        n_rows: How many it has.
        batches: Its rows, some at a time.
    """

    reader: RowReader
    n_rows: int
    batches: Iterator[list[dict[str, Any]]]


def open_rows(file: Path | BinaryIO, path: str, options: ReadOptions, n_batch: int) -> Rows:
    """Open a Parquet file, to read it in little memory.

    Args:
        file: The file, or its bytes.
        path: Its name, for errors.
        options: How to read.
        n_batch: Rows in a batch.

    Raises:
        FormatError: If the file is damaged, or no Parquet; later too, where it is read.
        MissingExtraError: If pyarrow is not installed.
    """
    _, pq = _import()
    with _said(path):
        found = pq.ParquetFile(file)
        names = class_names(found.schema_arrow.metadata)
    return Rows(RowReader(names, path, options), found.metadata.num_rows, _batches(found, path, n_batch))


def _batches(found: Any, path: str, n_batch: int) -> Iterator[list[dict[str, Any]]]:
    with _said(path), found:
        for batch in found.iter_batches(n_batch):
            yield batch.to_pylist()


@contextmanager
def _said(path: str) -> Iterator[None]:
    """Within, faults of a Parquet file are told in our words."""
    pyarrow, _ = _import()
    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise FormatError(f"expected a Parquet file, found a fault: {error}; fetch it again", path=path) from error


def read_rows(
    rows: Sequence[dict[str, Any]], names: Mapping[str, Sequence[str]], path: str, options: ReadOptions
) -> Result:
    """Read rows as records of JSON lines.

    Args:
        rows: One record a sentence.
        names: For each column of integers with known names, the names in order.
        path: Their file, for errors.
        options: How to read.

    Raises:
        DataError: If a row is faulty.
        TagError: If an entity tag is none.
    """
    return RowReader(names, path, options).whole(rows)


class RowReader(PieceReader[dict[str, Any]]):
    """Reads rows; see :func:`read_rows`.

    Args:
        names: For each column of integers with known names, the names in order.
        path: The file, for errors.
        options: How to read.
    """

    def __init__(self, names: Mapping[str, Sequence[str]], path: str, options: ReadOptions) -> None:
        super().__init__()
        self._columns = names
        self._path = path
        self._names = read_names(options.label_names)
        self._keeps_untagged = options.strict_rows

    def read(self, items: Sequence[dict[str, Any]], first: int) -> list[Sentence]:  # noqa: D102
        reader = RecordReader(self._path, self._names, keeps_untagged=self._keeps_untagged)
        for number, row in enumerate(items, first):
            named = {
                key: _name(row[key], known, key, self._path, number)
                for key, known in self._columns.items()
                if key in row
            }
            reader.add({**row, **named}, number)
        self._tally.update(reader.collector.tally)
        return reader.collector.sentences


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """The names of ``ClassLabel`` columns, from the JSON that the ``datasets`` library keeps in a schema's metadata."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    names = {}
    for column, feature in features.items():
        # A list is told by its kind and what it holds, in old files by a list with that.
        while isinstance(feature, list | dict) and "names" not in feature:
            feature = feature[0] if isinstance(feature, list) and feature else dict(feature or ()).get("feature")
        if isinstance(feature, dict):
            names[column] = feature["names"]
    return names


def write(sentences: Sequence[Sentence], path: Path) -> None:
    """Write a Parquet file.

    Raises:
        MissingExtraError: If pyarrow is not installed.
    """
    _, pq = _import()
    pq.write_table(table(sentences), path)


def table(sentences: Sequence[Sentence]) -> pa.Table:
    """Sentences as an Arrow table; a cell is empty where a sentence lacks what others have."""
    pyarrow, _ = _import()
    rows = [record(sentence) for sentence in sentences]
    columns = dict.fromkeys(name for row in rows for name in row)
    strings = pyarrow.list_(pyarrow.string())
    return pyarrow.table(
        {
            name: pyarrow.array(
                [row.get(name) for row in rows], pyarrow.string() if name in ("document", "text") else strings
            )
            for name in columns
        }
    )


def _name(values: object, names: Sequence[str], key: str, path: str, row: int) -> object:
    if not isinstance(values, list):
        return values
    for value in values:
        if isinstance(value, int) and not 0 <= value < len(names):
            raise DataError(
                f"expected integers from 0 to {len(names) - 1} in {key!r}, found {value}; a hidden test part has -1 "
                "for every word: leave the column out",
                path=path,
                line=row,
            )
    return [names[value] if isinstance(value, int) else value for value in values]


def _import() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet") from error
    return pyarrow, pq
