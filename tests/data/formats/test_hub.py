"""Folders of the datasets library, which writes and reads them here itself."""

from pathlib import Path
from typing import Any

import pytest

from nomina.data import read
from nomina.data.formats.writing import write
from nomina.errors import DataError, FormatError

datasets = pytest.importorskip("datasets", reason="needs the extra nomina[datasets]")


def made(first: str) -> Any:
    features = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(datasets.ClassLabel(names=["O", "B-per"])),
        }
    )
    rows = {"tokens": [[first, "wrote"], ["x"]], "ner_tags": [[1, 0], [0]]}
    return datasets.Dataset.from_dict(rows, features=features)


def test_a_saved_data_set(tmp_path: Path) -> None:
    made("Ada").select([1, 0]).save_to_disk(tmp_path / "one")
    corpus = read(tmp_path / "one")
    assert [(s.words, s.labels, s.line) for s in corpus] == [
        (("x",), ("O",), 1),
        (("Ada", "wrote"), ("B-per", "O"), 2),
    ]


def test_splits_are_named(tmp_path: Path) -> None:
    datasets.DatasetDict({"train": made("Ada"), "test": made("Emmy")}).save_to_disk(tmp_path / "two")
    with pytest.raises(DataError, match=r"expected one split, found: train, test; name one, as in .*two/train"):
        read(tmp_path / "two")
    assert read(tmp_path / "two" / "test")[0].words == ("Emmy", "wrote")
    datasets.DatasetDict({"only": made("Ada")}).save_to_disk(tmp_path / "single")
    assert read(tmp_path / "single")[0].words == ("Ada", "wrote")


def test_what_we_save_the_library_loads(tmp_path: Path) -> None:
    sample = read("sample")[:20]
    write(sample, tmp_path / "saved", format="datasets")
    loaded = datasets.load_from_disk(str(tmp_path / "saved"))
    assert [tuple(row["tokens"]) for row in loaded] == [s.words for s in sample]
    assert [tuple(row["ner_tags"]) for row in loaded] == [s.labels for s in sample]
    assert [tuple(row["pos_tags"]) for row in loaded] == [s.features["pos"] for s in sample]


def test_a_damaged_folder(tmp_path: Path) -> None:
    made("Ada").save_to_disk(tmp_path / "one")
    (tmp_path / "one" / "state.json").write_text("{}")
    with pytest.raises(FormatError, match="save_to_disk"):
        read(tmp_path / "one")


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("hf:owner/name", ("owner/name", None, None)),
        ("hf:owner/name:test", ("owner/name", None, "test")),
        ("hf:owner/name:english", ("owner/name", "english", None)),
        ("hf:owner/name:english:test", ("owner/name", "english", "test")),
    ],
)
def test_the_hub_is_asked_as_the_source_says(
    monkeypatch: pytest.MonkeyPatch, source: str, asked: tuple[str | None, ...]
) -> None:
    calls: list[tuple[str | None, ...]] = []

    def load(name: str, config: str | None, split: str | None) -> Any:
        calls.append((name, config, split))
        return made("Ada") if split else datasets.DatasetDict({"train": made("Ada")})

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda name: ["english"])
    assert read(source)[0].words == ("Ada", "wrote")
    assert calls == [asked]


def test_a_hub_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any, **__: Any) -> Any:
        raise ConnectionError("offline")

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(DataError, match="found a fault: offline; check the name and the connection"):
        read("hf:owner/name")
    with pytest.raises(DataError, match="expected hf:OWNER/NAME"):
        read("hf:a/b/c")


def test_the_network_is_not_touched_without_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    made("Ada").save_to_disk(tmp_path / "one")

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert len(read(tmp_path / "one")) == 2
    with pytest.raises(DataError, match="found nothing there"):
        read("owner/name")
