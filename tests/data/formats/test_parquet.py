"""Parquet against pyarrow, and as the datasets library writes it."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nomina.data import Scheme, read
from nomina.data.formats.parquet import class_names
from nomina.errors import DataError, FormatError, MissingExtraError

pa = pytest.importorskip("pyarrow", reason="needs the extra nomina[parquet]")
pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra nomina[parquet]")

ROWS: dict[str, list[Any]] = {
    "id": ["0", "1"],
    "tokens": [["Ada", "wrote"], ["NA"]],
    "pos_tags": [["NNP", "VBD"], ["X"]],
    "case": [["u", "l"], ["u"]],
    "ner_tags": [["B-per", "O"], ["O"]],
    "document": ["d1", "d1"],
    "text": ["Ada  wrote", None],
    "score": [0.5, 0.25],
}


def write(file: Path, **changes: Any) -> Path:
    pq.write_table(pa.table({**ROWS, **changes}), file)
    return file


@pytest.mark.parametrize("pack", ["plain", "gz", "zip"])
def test_columns_are_those_of_json_lines(tmp_path: Path, pack: str) -> None:
    file = write(tmp_path / "data.bin")
    if pack == "gz":
        file.write_bytes(gzip.compress(file.read_bytes()))
    elif pack == "zip":
        with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
            archive.write(file, "inner")
        file = tmp_path / "data.zip"
    corpus = read(file)
    assert corpus[0].words == ("Ada", "wrote")
    assert corpus[0].features == {"pos": ("NNP", "VBD"), "case": ("u", "l")}
    assert (corpus[0].labels, corpus.scheme) == (("B-per", "O"), Scheme.IOB2)
    assert [(s.document, s.text, s.line) for s in corpus] == [("d1", "Ada  wrote", 1), ("d1", None, 2)]
    assert [(note.kind, note.count) for note in corpus.notes] == [("unused", 2)]


def test_names_of_class_labels_come_from_the_metadata(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra nomina[datasets]")
    names = ["O", "B-per", "I-per"]
    features = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            "pos_tags": datasets.List(datasets.ClassLabel(names=["NNP", "VBD"])),
            "ner_tags": datasets.List(datasets.ClassLabel(names=names)),
        }
    )
    rows = {"tokens": [["Ada", "Lovelace"]], "pos_tags": [[0, 1]], "ner_tags": [[1, 2]]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "hub.parquet")
    corpus = read(tmp_path / "hub.parquet", label_names=["these", "are", "not needed"])
    assert corpus[0].labels == ("B-per", "I-per")
    assert corpus[0].features == {"pos": ("NNP", "VBD")}


@pytest.mark.parametrize(
    "feature",
    [
        {"feature": {"names": ["O"], "_type": "ClassLabel"}, "_type": "Sequence", "length": -1},
        {"feature": {"names": ["O"], "_type": "ClassLabel"}, "_type": "List"},
        [{"names": ["O"], "_type": "ClassLabel"}],
    ],
)
def test_every_writing_of_a_list_of_class_labels(feature: Any) -> None:
    features = {"ner_tags": feature, "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    assert class_names(metadata) == {"ner_tags": ["O"]}


@pytest.mark.parametrize("metadata", [None, {}, {b"huggingface": b"{"}, {b"huggingface": b"[]"}])
def test_other_metadata_has_no_names(metadata: Any) -> None:
    assert class_names(metadata) == {}


def test_integers_without_names_need_them(tmp_path: Path) -> None:
    file = write(tmp_path / "x.parquet", ner_tags=[[1, 0], [0]])
    with pytest.raises(DataError, match="found the integer 1; give the names") as caught:
        read(file)
    assert (caught.value.path, caught.value.line) == (str(file), 1)
    assert read(file, label_names=["O", "B-per"])[0].labels == ("B-per", "O")


def test_faults(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    whole = write(file).read_bytes()
    for damaged in (whole[:-20], whole[: len(whole) // 2], b"PAR1 and then nothing"):
        file.write_bytes(damaged)
        with pytest.raises(FormatError, match="expected a Parquet file, found a fault"):
            read(file)
    file.write_bytes(b"Ada\tO\n")
    with pytest.raises(FormatError, match="expected a Parquet file"):
        read(file, format="parquet")
    with pytest.raises(DataError, match="expected 2 entries in 'ner_tags', one per token, found 1") as caught:
        read(write(file, ner_tags=[["O"], ["O"]]))
    assert caught.value.line == 1


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "x.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"nomina\[parquet\]"):
        read(file)
