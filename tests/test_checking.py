"""Reading, looking through, mending and writing, as Python and the command line do it."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

import nomina
from nomina.checking import check
from nomina.data.formats import read
from nomina.errors import ConfigError, DataError, OutputError
from nomina.training.config import RunConfig
from planted import clean_rows, line_of, write_rows


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    rows = clean_rows("train")
    rows[2][0][2] = "I-per"
    rows[3][7][0] = "caf\u00c3\u00a9"
    rows[5] = deepcopy(rows[1])
    return write_rows(rows, tmp_path / "faulty.conll")


@pytest.mark.parametrize("name", ["clean.conll", "clean.jsonl"])
def test_a_mended_copy_is_clean(faulty: Path, tmp_path: Path, name: str) -> None:
    before = faulty.read_bytes()
    target = tmp_path / "new" / name
    result = nomina.check(faulty, encoder="none", columns="word,pos,label", fix=target)
    assert result.n_changes == {"tag": 1, "word": 1, "repeat": 1}
    assert faulty.read_bytes() == before
    assert set(result.files) == {"train", "changes"}
    changes = [json.loads(line) for line in result.files["changes"].read_text(encoding="ascii").splitlines()]
    assert [c["kind"] for c in changes] == ["tag", "word", "repeat"]
    assert changes[0]["place"] == f"{faulty}:{line_of(clean_rows('train'), 2)}"
    again = nomina.check(target, encoder="none")
    assert {f.kind for f in again.audit.findings} <= {"scheme", "reading"}
    if target.suffix == ".jsonl":
        row = json.loads(target.read_text(encoding="utf-8").partition("\n")[0])
        assert row["spans"][0] == {"label": "per", "start": 0, "end": 2}
    assert again.audit.parts["train"].n_sentences == 199
    with pytest.raises(OutputError, match="exists"):
        nomina.check(faulty, encoder="none", columns="word,pos,label", fix=target)
    nomina.check(faulty, encoder="none", columns="word,pos,label", fix=target, overwrite=True)


@pytest.mark.parametrize("name", ["copy.conll", "copy.jsonl"])
def test_copies_hold_what_was_read(tmp_path: Path, name: str) -> None:
    nomina.check("sample", encoder="none", fix=tmp_path / name)
    assert read(tmp_path / name).fingerprint() == read("sample").fingerprint()


def test_several_parts_go_into_a_folder(faulty: Path, tmp_path: Path) -> None:
    dev = write_rows(clean_rows("dev"), tmp_path / "dev.conll")
    result = nomina.check(
        faulty, dev=dev, encoder="none", columns="word,pos,label", fix=tmp_path / "clean", output=tmp_path / "audit"
    )
    assert {path.name for path in (tmp_path / "clean").iterdir()} == {"train.jsonl", "dev.jsonl", "changes.jsonl"}
    facts = json.loads((tmp_path / "audit" / "audit.json").read_text(encoding="utf-8"))
    assert facts == json.loads(json.dumps(result.audit.to_dict()))
    assert "</html>" in (tmp_path / "audit" / "audit.html").read_text(encoding="utf-8")
    with pytest.raises(OutputError, match=r"audit\.json exists"):
        nomina.check("sample", encoder="none", output=tmp_path / "audit")


def test_corpora_in_memory(faulty: Path) -> None:
    corpus = read(faulty, columns="word,pos,label")
    result = nomina.check(corpus[:100], dev=corpus[100:150], test=corpus[150:], encoder="none")
    assert list(result.audit.parts) == ["train", "dev", "test"]
    assert repr(result) == "CheckResult(1 error, 2 warnings)"


def test_what_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected at least one file to check"):
        check(RunConfig())
    bare = tmp_path / "bare.jsonl"
    bare.write_text('{"tokens": ["a"]}\n', encoding="utf-8")
    assert [f.kind for f in nomina.check(bare, encoder="none").audit.errors] == ["unlabelled"]
    with pytest.raises(DataError, match=r"bare\.jsonl:1: expected entity tags"):
        nomina.check(bare, encoder="none", fix=tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_encoders(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = nomina.check("sample", encoder=str(tiny_bert)).audit.parts["train"].pieces
    assert pieces is not None
    assert (pieces.encoder, pieces.limit, pieces.n_over_limit) == (str(tiny_bert), 512, 0)

    monkeypatch.setattr("nomina.encoding.encoders._is_cached", lambda hub_id: False)
    monkeypatch.setattr("socket.create_connection", _no_network)
    by_default = nomina.check("sample").audit
    assert by_default.parts["train"].pieces is None
    [found] = [f for f in by_default.findings if f.kind == "encoder"]
    assert "--encoder minilm" in found.message

    missing = nomina.check("sample", encoder=str(tmp_path / "nowhere")).audit
    assert ["nowhere" in f.message for f in missing.findings if f.kind == "encoder"] == [True]


def _no_network(*_: object, **__: object) -> None:
    raise AssertionError("no hub id was given")


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nomina.encoding.encoders._is_cached", lambda hub_id: False)
    monkeypatch.setattr("nomina.encoding.encoders._check_hub", _offline)
    found = nomina.check("sample", encoder="bert-large-cased").audit.findings
    assert ["out of reach" in f.message for f in found if f.kind == "encoder"] == [True]


def _offline(hub_id: str) -> None:
    from nomina.errors import EncoderError

    raise EncoderError(f"{hub_id} is out of reach")


def test_gmb_with_word_pieces(shared: Path, encoder_folder: Callable[[str], Path]) -> None:
    gmb = shared / "gmb" / "ner_dataset.csv.zip"
    audit = nomina.check(gmb, encoder=str(encoder_folder("minilm"))).audit
    pieces = audit.parts["train"].pieces
    assert pieces is not None
    assert pieces.n_over_limit == 0
    assert pieces.lengths.largest < 256
    assert not pieces.without_piece
