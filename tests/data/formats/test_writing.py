"""Every format written and read back."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_corpora import corpora, words
from nomina.data import Corpus, Scheme, Sentence, Span, read, read_spans
from nomina.data.formats.columns import is_row
from nomina.data.formats.writing import FORMATS, WriteFormat, format_of, write
from nomina.errors import ConfigError, DataError, OutputError

PACKAGES = {"parquet": "pyarrow", "datasets": "datasets", "docbin": "spacy"}
ON_LINES = ("columns", "conllu", "kaggle", "doccano", "prodigy", "labelstudio", "brat")


def needs(form: str) -> None:
    if form in PACKAGES:
        pytest.importorskip(PACKAGES[form], reason=f"needs the extra nomina[{form}]")


def spans_of(corpus: Corpus) -> list[list[Span]]:
    return [read_spans(s.labels or (), corpus.scheme or Scheme.IOB2).spans for s in corpus]


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_round_trips_keep_words_text_spans_and_pos(form: WriteFormat, data: st.DataObject) -> None:
    needs(form)
    own = words.filter(is_row) if form == "columns" else words.filter(lambda w: form != "brat" or w[0] != "\ufeff")
    corpus = data.draw(corpora(own))
    with tempfile.TemporaryDirectory() as folder:
        written = write(corpus, Path(folder) / "out", format=form)
        again = read(Path(folder) / "out", format=form)
    assert (written.n_sentences, written.n_words) == (len(corpus), corpus.n_words)
    before, after = list(corpus), list(again)
    assert [s.words for s in after] == [s.words for s in before]
    assert [s.features["pos"] for s in after] == [s.features["pos"] for s in before]
    assert spans_of(again) == spans_of(corpus)
    for old, new in zip(before, after, strict=True):
        assert new.labels is not None
        if form != "kaggle":
            assert_text(form, old, new)
            assert new.document == old.document


def assert_text(form: str, old: Sentence, new: Sentence) -> None:
    if old.text is not None and (
        old.offsets() is not None or form not in ("doccano", "prodigy", "labelstudio", "brat")
    ):
        assert new.text == old.text
    elif form in ("doccano", "prodigy", "labelstudio", "brat"):
        assert new.text == " ".join(old.words)
    elif form != "conllu":  # where another sentence has a text, CoNLL-U can be rebuilt for all
        assert new.text is None


AWKWARD = Corpus(
    (
        Sentence(
            ("(", "1", "U.S."), {"pos": ("-LRB-", "CD", "NNP")}, ("O", "O", "B-geo"), text="(1 U.S.", document="x"
        ),
        Sentence(("9",), {"pos": ("CD",)}, ("O",), text="9", document="x"),
        Sentence(("12", "a\u0301b", "\U0001f600"), {"pos": ("CD", "NN", "UH")}, ("O", "B-per", "I-per"), document="y"),
    ),
    Scheme.IOB2,
)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_written_is_told_by_its_content(tmp_path: Path, form: WriteFormat) -> None:
    needs(form)
    for i, corpus in enumerate((read("sample")[:40], AWKWARD)):
        write(corpus, tmp_path / f"out{i}", format=form)
        again = read(tmp_path / f"out{i}")
        assert [s.words for s in again] == [s.words for s in corpus]
        assert spans_of(again) == spans_of(corpus)
        assert again.feature_names == ("pos",)
        assert not {note.kind for note in again.notes} - {"columns"}


def test_numbered_documents_begin_as_in_conll(tmp_path: Path) -> None:
    def lines(*documents: str | None) -> str:
        corpus = Corpus(tuple(Sentence(("a",), labels=("O",), document=d) for d in documents))
        written = write(corpus, tmp_path / "x.conll", overwrite=True)
        again = read(tmp_path / "x.conll")
        if not written.notes:
            assert [s.document for s in again] == list(documents)
        return (tmp_path / "x.conll").read_text()

    assert lines("1", "1", "2") == "-DOCSTART-\n\na\tO\n\na\tO\n\n-DOCSTART-\n\na\tO\n\n"
    assert lines("b", "a") == "# newdoc id = b\na\tO\n\n# newdoc id = a\na\tO\n\n"
    assert lines(None, "1").startswith("a\tO")
    assert lines("1", "2", "1").startswith("# newdoc id = 1")
    assert lines("1", None).startswith("# newdoc id = 1")


@pytest.mark.parametrize(
    ("features", "labels", "header"),
    [
        (("pos",), True, False),
        (("pos", "chunk"), True, False),
        (("pos", "case", "gaz"), True, True),
        (("case",), True, True),
        ((), True, False),
        ((), False, False),
        (("pos",), False, False),
        (("pos", "upos"), False, True),
    ],
)
def test_columns_are_declared_where_they_could_not_be_told(
    tmp_path: Path, features: Sequence[str], labels: bool, header: bool
) -> None:
    sentence = Sentence(
        ("Ada", "wrote"), {name: (f"{name}1", f"{name}2") for name in features}, ("B-x", "O") if labels else None
    )
    write(Corpus((sentence,)), tmp_path / "x.conll")
    assert (tmp_path / "x.conll").read_text().startswith("# global.columns") == header
    again = read(tmp_path / "x.conll")[0]
    assert (again.words, dict(again.features), again.labels) == (sentence.words, sentence.features, sentence.labels)


@pytest.mark.parametrize("form", FORMATS)
def test_other_features_are_kept_or_said(tmp_path: Path, form: WriteFormat) -> None:
    needs(form)
    names = ("pos", "case", "Odd Name", "text", "upos")
    sentence = Sentence(("Ada",), dict.fromkeys(names, ("x",)), ("B-x",))
    written = write(Corpus((sentence,)), tmp_path / "out", format=form)
    again = read(tmp_path / "out", format=form)[0]
    lost = {note.message.split("'")[1] for note in written.notes if note.kind == "lost_feature"}
    assert set(again.features) | lost == set(names)
    assert not set(again.features) & lost
    assert again.features["pos"] == ("x",)


@pytest.mark.parametrize("form", FORMATS)
def test_corpora_without_labels(tmp_path: Path, form: WriteFormat) -> None:
    needs(form)
    bare, full = Sentence(("Ada", "wrote")), Sentence(("Ada", "wrote"), labels=("B-x", "O"))
    written = write(Corpus((bare,)), tmp_path / "bare", format=form)
    again = read(tmp_path / "bare", format=form) if form != "kaggle" else None
    if form == "brat":
        assert [note.kind for note in written.notes] == ["unlabelled"]
    elif again is not None:
        assert read(tmp_path / "bare")[0].labels is None
        assert again[0].labels is None
    if form in ("columns", "conllu", "kaggle"):
        with pytest.raises(DataError, match="found none on 1 of 2"):
            write(Corpus((full, bare)), tmp_path / "mixed", format=form)
    elif form != "brat":
        write(Corpus((full, bare)), tmp_path / "mixed", format=form)
        assert [s.labels for s in read(tmp_path / "mixed", format=form)] == [("B-x", "O"), None]


@pytest.mark.parametrize("form", ["jsonl", "prodigy", "doccano", "labelstudio"])
@pytest.mark.parametrize("n_bare", [1, 3_000])
def test_sentences_without_labels_may_come_first(tmp_path: Path, form: WriteFormat, n_bare: int) -> None:
    bare = Sentence(("It", "rains"), document="d")
    write(Corpus((*[bare] * n_bare, Sentence(("Ada", "runs"), labels=("B-x", "O")))), tmp_path / "mixed", format=form)
    again = read(tmp_path / "mixed")
    assert [s.labels for s in again] == [*[None] * n_bare, ("B-x", "O")]
    assert again[0].document == "d"
    assert [note.kind for note in again.notes] == ["unlabelled"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("sentence", "found", "refusing"),
    [
        (Sentence(("a", " ")), "the word ' '", tuple(FORMATS)),
        (Sentence(("\ud83d",)), r"the word '\\ud83d'", tuple(FORMATS)),
        (Sentence(("a",), text="a\ud83d"), "half a character", tuple(FORMATS)),
        (Sentence(("a",), document="\ud83d"), r"the document '\\ud83d'", tuple(f for f in FORMATS if f != "kaggle")),
        (Sentence(("a",), document="a\0b"), r"the document 'a\\x00b'", ("columns", "conllu")),
        (Sentence(("a\nb",)), r"the word 'a\\nb'", ON_LINES),
        (Sentence(("a\0b",)), r"the word 'a\\x00b'", ON_LINES),
        (Sentence(("\ufeffa",)), "a text that begins with a byte order mark", ("brat",)),
        (Sentence(("a\tb",)), r"the word 'a\\tb'", ("columns", "conllu")),
        (Sentence(("a",), {"pos": ("x\ty",)}), r"the value 'x\\ty'", ("columns", "conllu")),
        (Sentence(("-DOCSTART-",)), "the first word '-DOCSTART-'", ("columns",)),
        (Sentence(("#text=x",)), "the first word '#text=x'", ("columns",)),
        (Sentence(("a",), labels=("B-x|y",)), r"the tag 'B-x\|y'", ("conllu",)),
        (Sentence(("a",), labels=("B-x y",)), "the tag 'B-x y'", ("brat",)),
    ],
)
def test_what_a_format_cannot_hold_is_refused(
    tmp_path: Path, form: WriteFormat, sentence: Sentence, found: str, refusing: tuple[str, ...]
) -> None:
    needs(form)
    corpus = Corpus((Sentence(("fine",), sentence.features and {"pos": ("X",)}, sentence.labels and ("O",)), sentence))
    if form in refusing:
        with pytest.raises(DataError, match=f"{found}.* in sentence 2"):
            write(corpus, tmp_path / "out", format=form)
        assert not list(tmp_path.iterdir())
    else:
        write(corpus, tmp_path / "out", format=form)
        assert read(tmp_path / "out", format=form)[1].words == sentence.words


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("document", [" x ", "x\ny", "x\ry", "x\t", "", "\xa0x", "a b", "=", "x\x85"])
def test_identifiers_of_documents_are_kept_or_said(tmp_path: Path, form: WriteFormat, document: str) -> None:
    needs(form)
    sentence = Sentence(("Ada",), {"pos": ("NNP",)}, ("B-x",), document=document, line=7)
    notes = write(Corpus((sentence,)), tmp_path / "out", format=form).notes
    is_kept = read(tmp_path / "out", format=form)[0].document == document
    assert [(note.kind, note.count, note.lines) for note in notes] == (
        [] if is_kept else [("lost_document" if form == "kaggle" else "document_changed", 1, (7,))]
    )
    assert is_kept or form == "kaggle" or repr(document) in notes[0].message


def test_features_of_some_sentences_only(tmp_path: Path) -> None:
    corpus = Corpus((Sentence(("Ada",), {"pos": ("NNP",), "Odd": ("x",)}, ("O",)), Sentence(("wrote",), {}, ("O",))))
    assert [note.message for note in write(corpus, tmp_path / "x.conll").notes] == [
        "1 sentence with the feature 'pos', which only some sentences have; columns keeps what all have",
        "1 sentence with the feature 'Odd', which columns cannot keep",
    ]
    assert write(corpus, tmp_path / "x.jsonl").notes == ()


def test_texts_that_a_format_cannot_hold_are_said(tmp_path: Path) -> None:
    sentences = (
        Sentence(("a", "b"), labels=("O", "O"), text="a\nb", line=3),
        Sentence(("do", "not"), labels=("O", "O"), text="don't", line=5),
    )
    kinds = defaultdict(set)
    for form in FORMATS:
        if form not in PACKAGES:
            written = write(Corpus(sentences), tmp_path / form, format=form)
            kinds[form] = {(note.kind, note.lines) for note in written.notes}
            texts = [s.text for s in read(tmp_path / form, format=form)]
            if form in ON_LINES and form != "kaggle":
                assert texts[0] == "a b"
            assert texts[1] == (
                "don't" if form in ("columns", "conllu", "jsonl") else None if form == "kaggle" else "do not"
            )
    breaks, astray = ("line_breaks", (3,)), ("lost_text", (5,))
    assert kinds["columns"] == kinds["conllu"] == {breaks}
    assert kinds["doccano"] == kinds["brat"] == {breaks, astray}
    assert kinds["kaggle"] == {("lost_text", (3, 5))}
    assert kinds["jsonl"] == set()


@pytest.mark.parametrize("scheme", Scheme)
def test_schemes(tmp_path: Path, scheme: Scheme) -> None:
    sample = read("sample")[:60]
    written = write(sample, tmp_path / "x.conll", scheme=scheme)
    again = read(tmp_path / "x.conll")
    assert (written.scheme, again.scheme) == (scheme, scheme)
    assert spans_of(again) == spans_of(sample)
    as_spans = write(again, tmp_path / "x.json")
    assert as_spans.scheme is None
    assert spans_of(read(tmp_path / "x.json")) == spans_of(sample)


def test_repairs_are_said(tmp_path: Path) -> None:
    corpus = Corpus((Sentence(("a", "b"), labels=("B-x", "I-y")),), Scheme.IOB2)
    written = write(corpus, tmp_path / "x.json")
    assert [note.kind for note in written.notes] == ["repairs"]
    assert write(corpus, tmp_path / "x.jsonl").notes == ()
    assert read(tmp_path / "x.jsonl")[0].labels == ("B-x", "I-y")


def test_endings_mean_formats() -> None:
    assert [format_of(Path(name)) for name in ("x.CONLL", "x.spacy", "x.json", "a.b.parquet")] == [
        "columns", "docbin", "labelstudio", "parquet"
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="or name one of columns"):
        format_of(Path("folder"))


@pytest.mark.parametrize("form", ["jsonl", "brat"])
def test_an_existing_output_is_kept(tmp_path: Path, form: WriteFormat) -> None:
    sample = read("sample")
    out = tmp_path / "out"
    write(sample[:5], out, format=form)
    with pytest.raises(OutputError, match="exists"):
        write(sample[5:9], out, format=form)
    assert len(read(out)) == 5
    write(sample[5:9], out, format=form, overwrite=True)
    assert len(read(out)) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_with_other_things_is_never_replaced(tmp_path: Path) -> None:
    sample = read("sample")[:5]
    for form in ("brat", "jsonl"):
        folder = tmp_path / form
        folder.mkdir()
        (folder / "thesis.txt").write_text("years of work")
        with pytest.raises(OutputError, match="holds other things"):
            write(sample, folder, format=form, overwrite=True)
        assert (folder / "thesis.txt").read_text() == "years of work"
    with pytest.raises(OutputError, match="is a file"):
        write(sample, tmp_path / "brat" / "thesis.txt", format="brat", overwrite=True)


@pytest.mark.parametrize("form", ["brat", "datasets"])
@pytest.mark.parametrize(
    "name",
    [
        *("diary.txt", "precious.json", "notes.ann", "ledger.words.jsonl", "photo.arrow", ".hidden"),
        *("below/data.json", "below/a.txt", "below/state.json", "dataset_dict.json"),
    ],
)
def test_what_a_format_did_not_write_is_never_deleted(tmp_path: Path, form: WriteFormat, name: str) -> None:
    needs(form)
    sample = read("sample")[:5]
    write(sample, tmp_path / "out", format=form)
    precious = tmp_path / "out" / name
    precious.parent.mkdir(exist_ok=True)
    precious.write_text("years of work")
    with pytest.raises(OutputError, match="holds other things, such as "):
        write(sample, tmp_path / "out", format=form, overwrite=True)
    assert precious.read_text() == "years of work"


def test_folders_of_a_tools_own_are_replaced(tmp_path: Path) -> None:
    sample = read("sample")[:5]
    for name in ("empty", "pair"):
        (tmp_path / name).mkdir()
    (tmp_path / "pair" / "a.txt").write_text("Ada")
    (tmp_path / "pair" / "a.ann").write_text("")
    for name in ("empty", "pair"):
        assert len(read(write(sample, tmp_path / name, format="brat", overwrite=True).path)) == 5
        assert not (tmp_path / name / "a.txt").exists()


def test_a_saved_dataset_dict_is_replaced_only_if_nothing_else_is_in_it(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra nomina[datasets]")
    out, sample = tmp_path / "out", read("sample")[:5]
    part = datasets.Dataset.from_dict({"tokens": [["Ada"]]})
    datasets.DatasetDict({"train": part, "dev": part}).save_to_disk(out)
    for name in ("train/precious.json", "precious.json", "drafts/precious.json"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("years of work")
        with pytest.raises(OutputError, match=r"such as (drafts|.*precious\.json)"):
            write(sample, out, format="datasets", overwrite=True)
        (out / name).unlink()
    (out / "drafts").rmdir()
    write(sample, out, format="datasets", overwrite=True)
    assert len(read(out)) == 5


def test_a_fault_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for form in ("jsonl", "brat"):
        monkeypatch.setitem(FORMATS, form, FORMATS[form]._replace(write=fail))
        with pytest.raises(OutputError, match="No space left"):
            write(read("sample")[:5], tmp_path / form, format=form)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["jsonl", "brat"])
@pytest.mark.parametrize("overwrite", [True, False])
def test_names_that_cannot_be_written(tmp_path: Path, form: WriteFormat, overwrite: bool) -> None:
    (tmp_path / "file").write_text("x")
    for name in ("file/below", "file/below/it", "n" * 250, "n" * 300, "n" * 300 + "/below"):
        with pytest.raises(OutputError, match="cannot write"):
            write(read("sample")[:5], tmp_path / name, format=form, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_pipe_is_never_replaced(tmp_path: Path, overwrite: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="no stream or device allows"):
        write(read("sample")[:5], tmp_path / "pipe", format="jsonl", overwrite=overwrite)
    assert (tmp_path / "pipe").is_fifo()


def test_nothing_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found none"):
        write(Corpus(()), tmp_path / "x.jsonl")
