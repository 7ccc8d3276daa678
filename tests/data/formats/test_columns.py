from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data import Corpus, Scheme, clean, read
from nomina.data.formats import columns
from nomina.data.formats.collect import ReadOptions
from nomina.errors import ConfigError, FormatError, TagError

CONLL_2003 = """-DOCSTART- -X- -X- O

EU NNP B-NP I-ORG
rejects VBZ B-VP O
German JJ B-NP I-MISC
call NN I-NP O

Peter NNP B-NP I-PER
Blackburn NNP I-NP I-PER

-DOCSTART- -X- -X- O

LONDON NNP B-NP I-LOC
1996-08-30 CD I-NP O
"""


def write(folder: Path, text: str, name: str = "data") -> Path:
    file = folder / name
    file.write_bytes(text.encode("utf-8"))
    return file


def kinds(corpus: Corpus) -> dict[str, tuple[int, tuple[int, ...]]]:
    return {note.kind: (note.count, note.lines) for note in corpus.notes}


def test_conll_2003(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, CONLL_2003))
    assert [s.words for s in corpus] == [
        ("EU", "rejects", "German", "call"),
        ("Peter", "Blackburn"),
        ("LONDON", "1996-08-30"),
    ]
    assert corpus[1].features == {"pos": ("NNP", "NNP"), "chunk": ("B-NP", "I-NP")}
    assert [s.document for s in corpus] == ["1", "1", "2"]
    assert [s.line for s in corpus] == [3, 8, 13]
    assert corpus.scheme is Scheme.IOB1
    assert corpus.feature_names == ("pos", "chunk")
    assert kinds(corpus) == {"columns": (4, ())}


def test_several_files_do_not_share_document_numbers(tmp_path: Path) -> None:
    files = [write(tmp_path, CONLL_2003, "a"), write(tmp_path, "x NN B-NP\nB-", "b")]
    corpus = read([files[0], files[0]])
    assert [s.document for s in corpus] == ["1.1", "1.1", "1.2", "2.1", "2.1", "2.2"]
    assert corpus.source == f"{files[0]}, {files[0]}"
    assert all(str(files[0]) in note.message for note in corpus.notes)


def test_the_scheme_is_that_of_all_files(tmp_path: Path) -> None:
    one, two = write(tmp_path, "a B-x\nb I-x\n", "one"), write(tmp_path, "a B-x\nb E-x\n", "two")
    assert read(one).scheme is Scheme.IOB2
    assert read([one, two]).scheme is Scheme.BIOES


@pytest.mark.parametrize("separator", ["\t", " ", "  ", " \t "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(tmp_path: Path, separator: str, end: str) -> None:
    text = end.join([f"\ufeffAda{separator}B-per", f"wrote{separator}O", "", f"Yes{separator}O"])
    if "\t" in separator and separator != "\t":
        # Tabs win; spaces around them belong to the word, and are stripped from tags.
        assert [s.labels for s in read(write(tmp_path, text))] == [("B-per", "O"), ("O",)]
        return
    assert [s.words for s in read(write(tmp_path, text))] == [("Ada", "wrote"), ("Yes",)]


def test_no_break_spaces_and_odd_line_ends_stay_in_words(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, "10\u00a0000 O\n\u0085 O\na\u2028b O\n\u00a0 O\n"))
    assert corpus[0].words == ("10\u00a0000", "\u0085", "a\u2028b", "\u00a0")


def test_words_that_look_like_nothing_stay_words(tmp_path: Path) -> None:
    traps = ("NA", "null", "None", "nan", '"', "'", "#", "#5", "# newdoc", "-DOCSTART", "O", "B-per", ",")
    corpus = read(write(tmp_path, "a\tO\n" + "".join(f"{word}\tO\n" for word in traps)))
    assert corpus[0].words == ("a", *traps)


def test_a_hash_at_the_start_of_a_sentence_is_a_word(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, "#\tO\ntopic\tO\n\n# hello\tO\n"))
    assert [s.words for s in corpus] == [("#", "topic"), ("# hello",)]


def test_columns_in_any_order(tmp_path: Path) -> None:
    file = write(tmp_path, "1 B-per x NNP Ada\n2 O y VBD wrote\n")
    corpus = read(file, columns="_,label,shape,pos,word")
    assert corpus[0].words == ("Ada", "wrote")
    assert corpus[0].features == {"pos": ("NNP", "VBD"), "shape": ("x", "y")}
    assert corpus.feature_names == ("pos", "shape")
    assert corpus[0].labels == ("B-per", "O")
    assert corpus.notes == ()


@pytest.mark.parametrize(
    ("row", "features", "labels"),
    [
        ("Ada", {}, None),
        ("Ada NNP", {"pos": ("NNP",)}, None),
        ("Ada O", {}, ("O",)),
        ("Ada NNP O", {"pos": ("NNP",)}, ("O",)),
        ("Ada NNP B-NP O", {"pos": ("NNP",), "chunk": ("B-NP",)}, ("O",)),
        ("Ada ada NNP x y O", {}, ("O",)),
    ],
)
def test_columns_by_their_number(
    tmp_path: Path, row: str, features: dict[str, tuple[str, ...]], labels: tuple[str, ...] | None
) -> None:
    corpus = read(write(tmp_path, row + "\n"), format="columns")
    assert (corpus[0].words, corpus[0].features, corpus[0].labels) == (("Ada",), features, labels)


@pytest.mark.parametrize(
    "text",
    [
        "Ada ada NNP B-NP O\nwrote write VBD B-VP O\n",  # two columns could be the entities
        "#\thttp://a [2009]\n1\tAda\tB-per\tO\n2\twrote\tO\tO\n3\tcode\tO\tO\n",  # GermEval 2014: numbered words
        "1 Ada B-per\n1 wrote O\n2 Yes O\n",  # numbered sentences
        "Ada NNP x\nwrote VBD y\n",  # three columns and no tags
    ],
)
def test_ambiguous_columns_must_be_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError, match=r"meaning is not clear: .* name them"):
        read(write(tmp_path, text), format="columns")


@pytest.mark.parametrize(
    ("given_columns", "match"),
    [
        ("pos,label", "to be 'word'"),
        ("word,pos,pos", "'pos' is named twice"),
        ("word,tag,ner", "twice"),
        ("word,,label", "between commas"),
    ],
)
def test_faulty_column_names(given_columns: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        columns.parse_columns(given_columns)


def test_synonyms_of_column_names() -> None:
    assert columns.parse_columns("token, POS ,_,_,NER") == ("word", "POS", "_", "_", "label")


def test_rows_that_do_not_fit_are_said(tmp_path: Path) -> None:
    text = "a\tX\tO\n\tX\tO\nb\tX\n  \tX\tO\nc\tX\tO\textra\nd\t\tO\t\t\ne\tX\t \n\t\n\nf\tX\tO"
    corpus = read(write(tmp_path, text))
    assert [s.words for s in corpus] == [("a", "c", "d"), ("f",)]
    assert corpus[0].features["pos"] == ("X", "X", "_")
    assert kinds(corpus) == {
        "columns": (3, ()),
        "blank_word": (2, (2, 4)),
        "missing_tag": (2, (3, 7)),
        "extra_columns": (1, (5,)),
        "missing_feature": (1, (6,)),
    }


def test_comments_at_the_start_of_sentences(tmp_path: Path) -> None:
    text = "# newdoc id = one\n# sent_id = 1\n# text = It's.\nIt\tO\n's\tO\n.\tO\n\n"
    text += "# newdoc\n# text = Yes\nYes\tO\n\nNo\tO\n"
    corpus = read(write(tmp_path, text))
    assert [(s.document, s.text, s.line) for s in corpus] == [("one", "It's.", 4), ("2", "Yes", 10), ("2", None, 12)]
    assert corpus[0].offsets() == ((0, 2), (2, 4), (4, 5))


def test_docstart_without_an_empty_line_and_by_spaces(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, "-DOCSTART- O\n\na\tO\n-DOCSTART-\tO\nb\tO\n"))
    assert [(s.words, s.document) for s in corpus] == [(("a",), "1"), (("b",), "2")]


def test_declared_columns(tmp_path: Path) -> None:
    text = "# global.columns = ID FORM UPOS XPOS MISC PARSEME:NER\n"
    text += "1\tAda\tPROPN\tNNP\t_\tB-per\n2\twrote\tVERB\tVBD\t_\tO\n"
    corpus = read(write(tmp_path, text))
    assert (corpus[0].words, corpus[0].features) == (("Ada", "wrote"), {"pos": ("NNP", "VBD")})
    assert corpus[0].labels == ("B-per", "O")
    assert read(write(tmp_path, text), pos="upos")[0].features == {"pos": ("PROPN", "VERB")}
    with pytest.raises(FormatError, match="expected FORM"):
        read(write(tmp_path, "# global.columns = ID LEMMA\n1\tAda\n"))


def test_a_tag_that_is_none_has_its_line(tmp_path: Path) -> None:
    file = write(tmp_path, "a O\nb B-x\n\nc x-B\n")
    with pytest.raises(TagError) as caught:
        read(file)
    assert str(caught.value).startswith(f"{file}:4: expected an entity tag")


cells = st.text(st.characters(exclude_characters="\r\n\t", exclude_categories=["Cs"]), min_size=1).filter(
    lambda cell: cell.strip(" ") not in ("", "-DOCSTART-")
)


@given(st.lists(st.lists(cells, min_size=1), min_size=1))
def test_words_between_tabs_are_read_exactly(sentences: list[list[str]]) -> None:
    # A leading X keeps a drawn "# text = ..." from being a comment, which it would rightly be.
    sentences = [["X", *words] for words in sentences]
    text = "\n".join("".join(f"{word}\tO\n" for word in words) for words in sentences)
    result = columns.read(text, "made", ReadOptions(columns="word,label"))
    assert [list(s.words) for s in result.sentences] == sentences


@pytest.mark.parametrize(
    ("name", "n_sentences", "n_words"),
    [
        ("wnut17train.conll", 3_394, 62_730),
        ("emerging.dev.conll", 1_009, 15_733),
        ("emerging.test.annotated", 1_287, 23_394),
    ],
)
def test_wnut(shared: Path, name: str, n_sentences: int, n_words: int) -> None:
    corpus = read(shared / "wnut17" / name)
    assert (len(corpus), corpus.n_words) == (n_sentences, n_words)
    assert (corpus.scheme, corpus.feature_names) == (Scheme.IOB2, ())
    assert list(kinds(corpus)) == ["columns"]
    assert len(corpus.stats().types) == 6
    assert clean(corpus).report.n_repairs == 0
