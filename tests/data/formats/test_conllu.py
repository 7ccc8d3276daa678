from pathlib import Path

import pytest

from nomina.data import Corpus, Scheme, read
from nomina.errors import FormatError, TagError

EMPTY = "_\t_\t_\t_"


def row(word_id: str, form: str, upos: str = "X", xpos: str = "Y", misc: str = "_") -> str:
    return f"{word_id}\t{form}\t_\t{upos}\t{xpos}\t{EMPTY}\t{misc}\n"


def write(folder: Path, *lines: str) -> Path:
    file = folder / "data"
    file.write_bytes("".join(lines).encode("utf-8"))
    return file


def kinds(corpus: Corpus) -> dict[str, tuple[int, tuple[int, ...]]]:
    return {note.kind: (note.count, note.lines) for note in corpus.notes}


def test_reads_words_tags_documents_and_text(tmp_path: Path) -> None:
    corpus = read(
        write(
            tmp_path,
            "# newdoc id = d1\n# sent_id = 1\n# text = Ada's.\n",
            row("1", "Ada", "PROPN", "NNP", "SpaceAfter=No|NER=B-PER"),
            row("2", "'s", "PART", "POS", "NER=O"),
            row("3", ".", "PUNCT", ".", "NER=O"),
            "\n# newpar\n# text = NA\n",
            row("1", "NA", "X", "FW", "NER=O"),
            "\n# newdoc\n",
            row("1", "_", "X", "FW", "NER=O"),
        )
    )
    assert [s.words for s in corpus] == [("Ada", "'s", "."), ("NA",), ("_",)]
    assert corpus[0].features == {"pos": ("NNP", "POS", "."), "upos": ("PROPN", "PART", "PUNCT")}
    assert corpus[0].labels == ("B-PER", "O", "O")
    assert [s.document for s in corpus] == ["d1", "d1", "2"]
    assert [s.text for s in corpus] == ["Ada's.", "NA", "_"]
    assert [s.line for s in corpus] == [4, 10, 13]
    assert corpus.scheme is Scheme.IOB2
    assert corpus.notes == ()


def test_multiword_ranges_and_empty_nodes_are_skipped_and_said(tmp_path: Path) -> None:
    corpus = read(
        write(
            tmp_path,
            row("1-2", "vámonos"),
            row("1", "vamos"),
            row("2", "nos"),
            row("2.1", "elided"),
            row("3-4", "al", misc="SpaceAfter=No"),
            row("3", "a"),
            row("4", "el"),
            row("5", "!"),
        )
    )
    assert corpus[0].words == ("vamos", "nos", "a", "el", "!")
    assert corpus[0].text == "vámonos al!"
    assert corpus[0].labels is None
    assert kinds(corpus) == {"multiword": (2, (1, 5)), "empty_node": (1, (4,))}


def test_text_is_unknown_without_comment_and_space_after(tmp_path: Path) -> None:
    assert read(write(tmp_path, row("1", "a"), row("2", "b")))[0].text is None


def test_pos_by_choice(tmp_path: Path) -> None:
    file = write(tmp_path, row("1", "a", "DET", "DT"))
    assert read(file)[0].features == {"pos": ("DT",), "upos": ("DET",)}
    assert read(file, pos="upos")[0].features == {"pos": ("DET",), "xpos": ("DT",)}


def test_an_empty_pos_column_falls_back(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, row("1", "a", "DET", "_")))
    assert corpus[0].features == {"pos": ("DET",)}
    assert corpus.notes[0].message == "XPOS is empty throughout: pos was read from UPOS"
    corpus = read(write(tmp_path, row("1", "a", "_", "_")))
    assert corpus[0].features == {}
    assert list(kinds(corpus)) == ["pos_column"]


def test_words_without_ner_are_outside_where_none_says_so(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, row("1", "Ada", misc="NER=B-PER"), row("2", "wrote")))
    assert corpus[0].labels == ("B-PER", "O")
    assert list(kinds(corpus)) == ["implicit_outside"]


def test_words_without_ner_are_dropped_where_others_say_outside(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, row("1", "a", misc="NER=O"), row("2", "b"), row("3", " ", misc="NER=O")))
    assert corpus[0].words == ("a",)
    assert kinds(corpus) == {"missing_tag": (1, (2,)), "blank_word": (1, (3,))}


@pytest.mark.parametrize("fault", ["2\tb\n", "x" + row("2", "b"), row("2", "b").replace("\t", " ")])
def test_rows_must_have_ten_columns_and_an_id(tmp_path: Path, fault: str) -> None:
    with pytest.raises(FormatError, match="expected a word id and nine more columns") as caught:
        read(write(tmp_path, row("1", "a"), fault))
    assert caught.value.line == 2


def test_a_tag_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(TagError) as caught:
        read(write(tmp_path, row("1", "a", misc="NER=O"), row("2", "b", misc="NER=PER")))
    assert caught.value.line == 2


@pytest.mark.parametrize(("part", "n_sentences", "n_words"), [("dev", 1_998, 25_093), ("test", 2_074, 25_058)])
def test_ewt(shared: Path, part: str, n_sentences: int, n_words: int) -> None:
    file = shared / "uner-en-ewt" / f"{part}.conllu"
    corpus = read(file)
    assert (len(corpus), corpus.n_words) == (n_sentences, n_words)
    assert (corpus.scheme, corpus.has_labels) == (Scheme.IOB2, True)
    assert all(s.document for s in corpus)
    assert set(corpus.stats().types) == {"PER", "ORG", "LOC"}
    ranges = [block.splitlines() for block in file.read_text(encoding="utf-8").split("\n\n") if block.strip()]
    for sentence, block in zip(corpus, ranges, strict=True):
        offsets = sentence.offsets()
        if any("-" in line.split("\t")[0] for line in block if line[0] != "#"):
            continue
        assert offsets is not None
        assert sentence.text is not None
        assert [sentence.text[a:b] for a, b in offsets] == list(sentence.words)


def test_ewt_text_can_be_rebuilt(shared: Path, tmp_path: Path) -> None:
    text = (shared / "uner-en-ewt" / "dev.conllu").read_text(encoding="utf-8")
    with_text = read(shared / "uner-en-ewt" / "dev.conllu")
    without = read(write(tmp_path, "".join(line for line in text.splitlines(keepends=True) if line[:6] != "# text")))
    assert [s.text for s in without] == [s.text for s in with_text]
