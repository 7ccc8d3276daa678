import csv
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data import Corpus, Note, Scheme, clean, read
from nomina.data.formats import kaggle
from nomina.data.formats.collect import ReadOptions
from nomina.errors import FormatError, TagError

HEADER = "Sentence #,Word,POS,Tag\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "ner.data"
    file.write_bytes(text.encode(encoding))
    return file


def by_kind(corpus: Corpus) -> dict[str, Note]:
    return {note.kind: note for note in corpus.notes}


def all_words(corpus: Corpus) -> list[tuple[str, ...]]:
    return [s.words for s in corpus]


def test_reads_the_sparse_style(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, HEADER + "Sentence: 1,London,NNP,B-geo\n,calls,VBZ,O\nSentence: 2,Yes,UH,O\n"))
    assert all_words(corpus) == [("London", "calls"), ("Yes",)]
    assert corpus[0].features == {"pos": ("NNP", "VBZ")}
    assert corpus[0].labels == ("B-geo", "O")
    assert [s.line for s in corpus] == [2, 4]
    assert corpus.scheme is Scheme.IOB2
    assert corpus.notes == ()


def test_reads_the_dense_style(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, HEADER + "1.0,London,NNP,B-geo\n1.0,calls,VBZ,O\n2.0,Yes,UH,O\n"))
    assert all_words(corpus) == [("London", "calls"), ("Yes",)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_marks(tmp_path: Path, end: str, mark: str, last: bool) -> None:
    text = end.join(["Sentence #,Word,POS,Tag", "Sentence: 1,a,X,O", ",b,X,B-per"]) + (end if last else "")
    corpus = read(write(tmp_path, mark + text))
    assert all_words(corpus) == [("a", "b")]
    assert corpus.notes == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    rows = [["Sentence #", "Word", "POS", "Tag"], ["Sentence: 1", "1,5;2", "CD", "O"], ["", '"', "``", "O"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    assert all_words(read(write(tmp_path, text.getvalue()))) == [("1,5;2", '"')]


def test_words_that_look_like_nothing_stay_words(tmp_path: Path) -> None:
    traps = ["NA", "null", "None", "nan", "N/A", "NULL", "#N/A", "'", "True", "-", "_", "\u0085", "\u00a0", " x "]
    rows = "".join(f",{word},X,O\n" for word in traps)
    corpus = read(write(tmp_path, HEADER + "Sentence: 1,first,X,O\n" + rows))
    assert corpus[0].words == ("first", *traps)
    assert corpus.notes == ()


def test_lone_quotes_do_not_swallow_lines(tmp_path: Path) -> None:
    text = HEADER + 'Sentence: 1,",``,O\n,said,VBD,O\n,",\'\',O\n,5",CD,O\n,""x,X,O\n,",",O\n,"""",``,O\n'
    corpus = read(write(tmp_path, text))
    assert corpus[0].words == ('"', "said", '"', '5"', '""x', '"', '"')
    assert corpus[0].features["pos"][-2:] == ('"', "``")
    note = by_kind(corpus)["lone_quote"]
    assert (note.count, note.lines) == (4, (2, 4, 6, 7))


def test_blank_words_and_missing_tags_are_dropped_and_said(tmp_path: Path) -> None:
    text = (
        HEADER + "Sentence: 1,,NN,O\n,a,X,B-per\n, \t,X,I-per\n,b,X,\n,c\n,d,,O\nSentence: 2,,X,O\nSentence: 3,e,X,O\n"
    )
    corpus = read(write(tmp_path, text))
    assert all_words(corpus) == [("a", "d"), ("e",)]
    assert corpus[0].features["pos"] == ("X", "_")
    notes = by_kind(corpus)
    assert (notes["blank_word"].count, notes["blank_word"].lines) == (3, (2, 4, 8))
    assert (notes["missing_tag"].count, notes["missing_tag"].lines) == (2, (5, 6))
    assert (notes["missing_feature"].count, notes["missing_feature"].lines) == (1, (7,))
    assert "lines 2, 4, 8" in notes["blank_word"].message


def test_a_number_that_repeats_starts_a_sentence_and_is_said(tmp_path: Path) -> None:
    sparse = read(write(tmp_path, HEADER + "1,a,X,O\n,b,X,O\n,c,X,O\n1,d,X,O\n,e,X,O\n,f,X,O\n"))
    assert all_words(sparse) == [("a", "b", "c"), ("d", "e", "f")]
    assert by_kind(sparse)["repeated_number"].lines == (5,)
    dense = read(write(tmp_path, HEADER + "1,a,X,O\n1,b,X,O\n2,c,X,O\n1,d,X,O\n"))
    assert all_words(dense) == [("a", "b"), ("c",), ("d",)]
    assert by_kind(dense)["repeated_number"].lines == (5,)


def test_trailing_columns(tmp_path: Path) -> None:
    blank = read(write(tmp_path, HEADER + "1,a,X,O,,\n1,b,X,O,\n"))
    assert (all_words(blank), blank.notes) == ([("a", "b")], ())
    full = read(write(tmp_path, HEADER + "1,a,X,O,what\n1,b,X,O\n"))
    assert all_words(full) == [("a", "b")]
    assert by_kind(full)["extra_columns"].lines == (2,)


def test_header_by_names_in_any_order_and_case(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, ',tag,WORD,Lemma,"Sentence #",Pos\n0,B-per,Ada,ada,1,NNP\n1,O,wrote,write,1,VBD\n'))
    assert corpus[0].words == ("Ada", "wrote")
    assert corpus[0].features == {"pos": ("NNP", "VBD"), "lemma": ("ada", "write")}
    assert corpus[0].labels == ("B-per", "O")
    assert by_kind(corpus).keys() == {"columns", "unused"}


@pytest.mark.parametrize("text", ["Sentence #,Word,POS\n1,a,X\n1,b,X\n", HEADER + "1,a,X,\n1,b,X,\n"])
def test_input_without_tags(tmp_path: Path, text: str) -> None:
    corpus = read(write(tmp_path, text))
    assert corpus[0].words == ("a", "b")
    assert (corpus[0].labels, corpus.scheme) == (None, None)


def test_without_a_sentence_column_empty_lines_part_sentences(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, "Word,Tag\na,O\nb,O\n\nc,O\n"))
    assert all_words(corpus) == [("a", "b"), ("c",)]


def test_faults_carry_their_place(tmp_path: Path) -> None:
    file = write(tmp_path, HEADER + "1,a,X,O\n1,b,X,NNP\n")
    with pytest.raises(TagError, match=r"expected an entity tag such as .* found 'NNP'") as caught:
        read(file)
    assert (caught.value.path, caught.value.line) == (str(file), 3)
    with pytest.raises(FormatError, match="expected a header such as"):
        read(write(tmp_path, "a,X,O\n"), format="kaggle")


values = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(st.lists(values.filter(lambda v: v.strip(" \t") != ""), min_size=1), min_size=1))
def test_what_the_csv_module_writes_is_read_back(sentences: list[list[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Sentence #", "Word", "POS", "Tag"])
    for i, words in enumerate(sentences):
        writer.writerows([f"Sentence: {i}", word, "X", "O"] for word in words)
    result = kaggle.read(text.getvalue(), "made", ReadOptions())
    assert [list(s.words) for s in result.sentences] == sentences
    assert result.notes == ()


def test_gmb(shared: Path) -> None:
    corpus = read(shared / "gmb" / "ner_dataset.csv.zip")
    assert (len(corpus), corpus.n_words) == (47_959, 1_048_575)
    assert corpus.scheme is Scheme.IOB2
    assert corpus.feature_names == ("pos",)
    assert [(note.kind, note.count) for note in corpus.notes] == [("encoding", 56)]
    assert corpus[-1].line == 1_048_576 - len(corpus[-1]) + 1
    words = {word for s in corpus for word in s.words}
    assert {"None", "'", '"', "\u2026", "Citro\u00ebn", "5\u00a0storm"} <= words
    assert "\u0085" not in "".join(words)
    report = clean(corpus).report
    assert (report.n_control, report.n_control_only, report.n_repairs) == (0, 0, 0)


def test_gmb_as_latin_1_would_have_control_characters(shared: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(shared / "gmb" / "ner_dataset.csv.zip") as archive:
        wrong = archive.read("ner_dataset.csv").decode("latin-1")
    file = tmp_path / "latin1.csv"
    file.write_bytes(wrong.encode("utf-8"))
    corpus = read(file)
    # Not a word nor a line is lost even so, and the report tells.
    assert (len(corpus), corpus.n_words) == (47_959, 1_048_575)
    report = clean(corpus).report
    assert report.n_control_only == 21
    assert sum(word == "\u0085" for s in corpus for word in s.words) == 4
