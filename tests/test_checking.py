"""Reading, looking through, mending and writing, as Python and the command line do it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path

import pytest

import nomina
from nomina.checking import check
from nomina.data.audit import Audit
from nomina.data.formats import read
from nomina.data.formats.writing import write
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
        assert row["ner_tags"][:3] == ["B-per", "I-per", "O"]
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


def _write_lines(path: Path, *rows: Mapping[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


_LABELLED: dict[str, object] = {"tokens": ["Ada", "slept"], "ner_tags": ["B-per", "O"]}


@pytest.mark.parametrize("first", ["-DOCSTART-", "# text = 5"])
def test_columns_refuse_a_word_that_is_read_as_something_else(tmp_path: Path, first: str) -> None:
    odd = {"tokens": [first, "Ada"], "ner_tags": ["O", "B-per"]}
    data = _write_lines(tmp_path / "odd.jsonl", _LABELLED, odd)
    shown: list[Audit] = []
    config = RunConfig.build(None, train=(str(data),))
    with pytest.raises(DataError, match=rf"odd\.jsonl:2: expected what columns can hold, .*{first}"):
        check(config, encoder="none", output=tmp_path / "a", fix_to=tmp_path / "o.conll", show=shown.append)
    assert [found.parts["train"].n_sentences for found in shown] == [2]
    assert list(tmp_path.iterdir()) == [data]
    nomina.check(data, encoder="none", fix=tmp_path / "o.jsonl")
    assert read(tmp_path / "o.jsonl")[1].words == (first, "Ada")


def test_what_columns_have_no_room_for_is_said(tmp_path: Path) -> None:
    rows: list[Mapping[str, object]] = [
        _LABELLED | {"shape": ["Xx", "x"], "text": "Ada\nslept", "document": "a"},
        {"tokens": ["Bob", "woke"], "ner_tags": ["B-per", "O"]},
    ]
    data = _write_lines(tmp_path / "rich.jsonl", *rows)
    result = nomina.check(data, encoder="none", fix=tmp_path / "o.conll")
    assert [note.kind for note in result.notes] == ["lost_feature", "joined", "line_breaks"]
    assert all(note.message.startswith("train: 1 sentence ") for note in result.notes)
    assert [(s.words, s.labels, s.text) for s in read(tmp_path / "o.conll")] == [
        (("Ada", "slept"), ("B-per", "O"), "Ada slept"),
        (("Bob", "woke"), ("B-per", "O"), None),
    ]
    kept = nomina.check(data, encoder="none", fix=tmp_path / "o.jsonl")
    assert not kept.notes
    assert read(tmp_path / "o.jsonl").sentences == read(data).sentences


def test_a_document_of_two_lines_makes_no_row(tmp_path: Path) -> None:
    data = _write_lines(
        tmp_path / "odd.jsonl", _LABELLED | {"document": "a\nb\tO"}, {**_LABELLED, "tokens": ["Al", "ate"]}
    )
    nomina.check(data, encoder="none", fix=tmp_path / "o.conll")
    assert [s.words for s in read(tmp_path / "o.conll")] == [("Ada", "slept"), ("Al", "ate")]


def test_sentences_without_labels(tmp_path: Path) -> None:
    data = _write_lines(tmp_path / "mix.jsonl", _LABELLED, {"tokens": ["Bob", "woke"]})
    with pytest.raises(DataError, match="expected labels on all sentences or on none"):
        nomina.check(data, encoder="none", fix=tmp_path / "m.conll", output=tmp_path / "a")
    assert list(tmp_path.iterdir()) == [data]
    result = nomina.check(data, encoder="none", fix=tmp_path / "m.jsonl", output=tmp_path / "a")
    assert [f.kind for f in result.audit.errors] == ["unlabelled"]
    assert set(result.files) == {"audit", "page", "train", "changes"}
    assert read(tmp_path / "m.jsonl").sentences == read(data).sentences


def test_nothing_is_written_where_one_part_is_refused(faulty: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(DataError, match="sentences to write in the mended train part"):
        nomina.check(  # all of the training part stands in the test part
            faulty,
            dev=write_rows(clean_rows("dev"), tmp_path / "dev.conll"),
            test=faulty,
            encoder="none",
            columns="word,pos,label",
            fix=tmp_path / "new" / "clean",
        )
    assert not list((tmp_path / "new").iterdir())


def _hard_link(data: Path, target: Path) -> Path:
    target.hardlink_to(data)
    return target


@pytest.mark.parametrize("from_memory", [False, True])
@pytest.mark.parametrize(
    "name_of",
    [
        lambda data: data,
        lambda data: data.parent / "new" / ".." / data.name,
        lambda data: _hard_link(data, data.with_name("link.conll")),
    ],
    ids=["itself", "roundabout", "link"],
)
def test_what_is_read_is_never_replaced(
    faulty: Path, tmp_path: Path, name_of: Callable[[Path], Path], *, from_memory: bool
) -> None:
    (tmp_path / "new").mkdir()
    before = faulty.read_bytes()
    data = read(faulty, columns="word,pos,label") if from_memory else faulty
    settings = {} if from_memory else {"columns": "word,pos,label"}
    with pytest.raises(OutputError, match="one of the files that are read"):
        nomina.check(data, encoder="none", fix=name_of(faulty), output=tmp_path / "audit", overwrite=True, **settings)
    assert faulty.read_bytes() == before
    assert not (tmp_path / "audit").exists()


def test_inputs_that_stand_where_files_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    train, dev = (_write_lines(folder / f"{name}.jsonl", _LABELLED) for name in ("first", "dev"))
    report = _write_lines(folder / "audit.json", _LABELLED)
    archive = folder / "packed.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.write(train, "train.jsonl")
    write(read(train), folder / "brat", format="brat")
    [annotations] = (folder / "brat").glob("*.ann")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for data, settings in [
        (train, {"dev": dev, "fix": folder}),
        (train, {"test": report, "output": folder}),
        (archive / "train.jsonl", {"fix": archive}),
        (folder / "brat", {"fix": annotations}),
        (annotations, {"fix": annotations.with_suffix(".txt")}),
    ]:
        with pytest.raises(OutputError, match="one of the files that are read"):
            nomina.check(data, encoder="none", overwrite=True, **settings)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_targets_that_cannot_be_files(faulty: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for target, said in [(tmp_path / "there", "is a folder"), (faulty / "new" / "o.jsonl", "is a file and no folder")]:
        with pytest.raises(OutputError, match=said):
            nomina.check(faulty, encoder="none", fix=target, output=tmp_path / "audit", overwrite=True)
    assert not (tmp_path / "audit").exists()


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
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    for proxy in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    found = nomina.check("sample", encoder="bert-large-cased").audit.findings
    assert ["the model hub cannot be reached" in f.message for f in found if f.kind == "encoder"] == [True]


def test_gmb_with_word_pieces(shared: Path, encoder_folder: Callable[[str], Path]) -> None:
    gmb = shared / "gmb" / "ner_dataset.csv.zip"
    audit = nomina.check(gmb, encoder=str(encoder_folder("minilm"))).audit
    pieces = audit.parts["train"].pieces
    assert pieces is not None
    assert pieces.n_over_limit == 0
    assert pieces.lengths.largest < 256
    assert not pieces.without_piece
