"""brat standoff, as its manual shows it."""

from pathlib import Path

import pytest

from nomina.data import Corpus, Sentence, read
from nomina.data.formats.writing import write
from nomina.errors import DataError, FormatError

TEXT = "Sony formed a joint venture with Ericsson,\na \U0001f4f1 company based in Sweden.\n"


def pair(folder: Path, name: str, text: str, *annotations: str) -> Path:
    path = folder / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    path.with_suffix(".ann").write_bytes("".join(line + "\n" for line in annotations).encode())
    return path


ANNOTATIONS = [
    "T1\tOrganization 0 4\tSony",
    "T2\tMERGE-ORG 14 27\tjoint venture",
    "T3\tOrganization 33 41\tEricsson",
    "T4\tCountry 64 70\tSweden",
    "E1\tMERGE-ORG:T2 Org1:T1 Org2:T3",
    "R1\tOrigin Arg1:T3 Arg2:T4",
    "*\tEquiv T1 T3",
    "A1\tNegation E1",
    "N1\tReference T1 Wikipedia:534366\tBarack Obama",
    "#1\tAnnotatorNotes T1\tthis annotation is suspect",
]


@pytest.mark.parametrize("named", ["docs/one.txt", "docs/one.ann", "docs"])
def test_a_pair_is_read_by_any_of_its_names(tmp_path: Path, named: str) -> None:
    file = pair(tmp_path / "docs", "one", TEXT, *ANNOTATIONS)
    corpus = read(tmp_path / named)
    assert [s.text for s in corpus] == TEXT.splitlines()
    first, second = corpus
    assert first.words == ("Sony", "formed", "a", "joint", "venture", "with", "Ericsson", ",")
    assert first.labels == ("B-Organization", "O", "O", "B-MERGE-ORG", "I-MERGE-ORG", "O", "B-Organization", "O")
    assert second.labels is not None
    assert dict(zip(second.words, second.labels, strict=True))["Sweden"] == "B-Country"
    assert [(s.document, s.line, s.source) for s in corpus] == [("one", i, str(file)) for i in (1, 2)]
    assert sorted((note.kind, note.count) for note in corpus.notes) == [("unread", 1)] * 4 + [("unread", 2)]
    assert any("1 annotation, which are events (one.ann line 5)" in note.message for note in corpus.notes)


def test_parts_cuts_overlaps_and_lines_are_reported_with_their_places(tmp_path: Path) -> None:
    file = pair(tmp_path, "doc", TEXT, "T1\tPer 0 4;12 19\tx", "T2\tOrg 1 3\to", "T3\tOrg 34 36\tri", "T4\tX 33 60\ty")
    corpus = read(file)
    assert corpus[0].labels == ("B-Per", "I-Per", "I-Per", "I-Per", "O", "O", "B-Org", "O")
    assert corpus[1].labels is not None
    assert corpus[1].labels[:3] == ("B-X", "I-X", "I-X")
    assert [note.message for note in corpus.notes] == [
        "1 span in several parts, read as one from the first to the last (doc.ann line 1 characters 0-4;12-19)",
        "1 span across lines or sentences, cut down to the one that holds most of it (doc.ann line 4 characters 33-60)",
        "2 spans cut through a word, expanded to whole words "
        "(doc.ann line 2 characters 1-3, doc.ann line 3 characters 34-36)",
        "1 span dropped that overlap another; outermost ones are kept (doc.ann line 2 characters 1-3)",
    ]


def test_line_breaks_count_as_they_stand_in_the_file(tmp_path: Path) -> None:
    file = pair(tmp_path, "doc", "One\r\n\r\nAda wrote", "T1\tper 7 10\tAda")
    assert [(s.words, s.labels) for s in read(file)] == [(("One",), ("O",)), (("Ada", "wrote"), ("B-per", "O"))]


def test_folders_in_folders_and_texts_alone(tmp_path: Path) -> None:
    for name in ("b/10", "b/9", "a"):
        pair(tmp_path, name, "Ada wrote.")
    (tmp_path / "lonely.txt").write_text("Nobody.")
    corpus = read(tmp_path)
    assert [s.document for s in corpus] == ["a", "b/9", "b/10"]
    assert [note.kind for note in corpus.notes] == ["unpaired"]


@pytest.mark.parametrize(
    ("documents", "names"),
    [
        (["d2", "d10"], ["d10", "d2"]),
        (["b", "a"], ["1-b", "2-a"]),
        (["b", "a", "b"], ["1-b", "2-a", "3-b"]),
        (["d1", "d01"], ["1-d1", "2-d01"]),
        (["A", "a"], ["1-A", "2-a"]),
        ([None, None], ["corpus"]),
        ([None, "corpus", None], ["1-corpus", "2-corpus", "3-corpus"]),
        (["", "../x/y"], ["corpus", "x_y"]),
        ([f"{i}" for i in range(11, 0, -1)], [f"{12 - i:02}-{i}" for i in range(11, 0, -1)]),
    ],
)
def test_documents_come_back_in_their_order(tmp_path: Path, documents: list[str | None], names: list[str]) -> None:
    sentences = tuple(Sentence((f"w{i}",), labels=("O",), document=document) for i, document in enumerate(documents))
    write(Corpus(sentences), tmp_path / "out", format="brat")
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.txt")) == names
    assert [(s.words, s.document) for s in read(tmp_path / "out")] == [(s.words, s.document) for s in sentences]


def test_faults_carry_their_place(tmp_path: Path) -> None:
    file = pair(tmp_path, "doc", "Ada", "T1\tper 0 3\tAda", "T2 per 0 3 Ada")
    with pytest.raises(DataError, match="expected a span such as") as caught:
        read(file)
    assert (caught.value.path, caught.value.line) == (str(file.with_suffix(".ann")), 2)
    file = pair(tmp_path, "doc", "Ada wrote", "T1\tper 1 3\tda")
    with pytest.raises(DataError, match=r"doc\.ann: characters 1-3 \(per\)") as caught:
        read(file, cut_spans="error")
    assert caught.value.path == str(file)
    words = tmp_path / "doc.words.jsonl"
    for content, match in (
        ("{", "found a fault"),
        ('{"tokens": [{"text": "da", "start": 0, "end": 3}]}', "the text has 'Ada' at 0-3, not 'da'"),
        ('{"tokens": [{"text": "da"}]}', "delete this file"),
    ):
        words.write_text('{"tokens": []}\n' + content)
        with pytest.raises(DataError, match=match) as caught:
            read(file)
        assert (caught.value.path, caught.value.line) == (str(words), 2)


def test_what_is_no_brat_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither brat nor the datasets library wrote"):
        read(tmp_path)
    with pytest.raises(FormatError, match="found none"):
        read(tmp_path, format="brat")
    with pytest.raises(DataError, match="found nothing there"):
        read(tmp_path / "doc.txt", format="brat")
