"""DocBin against spaCy itself."""

import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nomina.data import Corpus, Sentence, read, read_spans
from nomina.data.formats.writing import write
from nomina.errors import DataError, FormatError

spacy = pytest.importorskip("spacy", reason="needs the extra nomina[spacy]")
tokens = pytest.importorskip("spacy.tokens", reason="needs the extra nomina[spacy]")


def save(path: Path, *docs: Any, **options: Any) -> Path:
    tokens.DocBin(docs=docs, store_user_data=True, **options).to_disk(path)
    return path


def doc(text: str, *entities: tuple[int, int, str], **attributes: Any) -> Any:
    made = spacy.blank("en")(text)
    made = tokens.Doc(
        made.vocab, words=[t.text for t in made], spaces=[bool(t.whitespace_) for t in made], **attributes
    )
    made.set_ents([tokens.Span(made, a, b, label=label) for a, b, label in entities], default="outside")
    return made


def test_what_spacy_writes_is_read(tmp_path: Path) -> None:
    tags = ["NNP", "NNP", "VBD", "."]
    first = doc("Ada Lovelace wrote.", (0, 2, "PERSON"), tags=tags, pos=["PROPN", "PROPN", "VERB", "PUNCT"])
    corpus = read(save(tmp_path / "x.spacy", first, doc("Nothing here", tags=["NN", "RB"])))
    assert corpus[0].words == ("Ada", "Lovelace", "wrote", ".")
    assert corpus[0].labels == ("B-PERSON", "I-PERSON", "O", "O")
    assert corpus[0].features == {"pos": tuple(tags), "upos": ("PROPN", "PROPN", "VERB", "PUNCT")}
    assert [(s.text, s.line, s.document) for s in corpus] == [
        ("Ada Lovelace wrote.", 1, None),
        ("Nothing here", 2, None),
    ]
    assert corpus.notes == ()
    assert read(tmp_path / "x.spacy", pos="upos")[0].features["pos"] == ("PROPN", "PROPN", "VERB", "PUNCT")


def test_sentences_documents_and_blanks(tmp_path: Path) -> None:
    marked = doc("Ada wrote. Emmy too.", (0, 1, "P"), (2, 5, "Q"), sent_starts=[True, False, False, True, *[False] * 2])
    broken = doc("One\n\n two  words", (0, 3, "X"))
    corpus = read(save(tmp_path / "x.spacy", marked, broken))
    assert [(s.text, s.labels, s.document) for s in corpus] == [
        ("Ada wrote.", ("B-P", "O", "O"), "1"),
        ("Emmy too.", ("B-Q", "I-Q", "O"), "1"),
        ("One", ("B-X",), "2"),
        ("two  words", ("O", "O"), "2"),
    ]
    assert [s.start_char for s in corpus] == [0, 11, 0, 6]
    notes = {note.kind: note for note in corpus.notes}
    assert notes["span_across_lines"].count == 2
    assert "Doc 1 characters" in notes["span_across_lines"].message


def test_unknown_entities_and_span_groups(tmp_path: Path) -> None:
    bare = spacy.blank("en")("No one looked")
    partly = spacy.blank("en")("Ada wrote")
    partly.set_ents([tokens.Span(partly, 0, 1, label="P")], default="missing")
    partly.spans["sc"] = [tokens.Span(partly, 0, 2, label="X")]
    corpus = read(save(tmp_path / "x.spacy", bare, partly))
    assert [s.labels for s in corpus] == [None, ("B-P", "O")]
    assert {note.kind for note in corpus.notes} == {"missing_label", "unread", "unlabelled"}


def test_coarse_tags_alone_are_used_and_said(tmp_path: Path) -> None:
    corpus = read(save(tmp_path / "x.spacy", doc("Ada wrote", pos=["PROPN", "VERB"])))
    assert corpus[0].features == {"pos": ("PROPN", "VERB")}
    assert [note.kind for note in corpus.notes] == ["pos_column"]


def test_what_we_write_spacy_reads(tmp_path: Path) -> None:
    sample = read("sample")[:30]
    write(sample, tmp_path / "x.spacy")
    docs = list(tokens.DocBin().from_disk(tmp_path / "x.spacy").get_docs(spacy.blank("en").vocab))
    assert [tuple(t.text for t in d) for d in docs] == [s.words for s in sample]
    assert [tuple(t.tag_ for t in d) for d in docs] == [s.features["pos"] for s in sample]
    for made, sentence in zip(docs, sample, strict=True):
        found = [(e.start, e.end, e.label_) for e in made.ents]
        assert found == [(s.start, s.end, s.label) for s in read_spans(sentence.labels or ()).spans]
        assert len(list(made.sents)) == 1


def test_texts_that_words_do_not_make_up_are_kept(tmp_path: Path) -> None:
    sentences = (
        Sentence(("a", "b"), labels=("B-x", "O"), text="a\n b "),
        Sentence(("do", "n't"), labels=("O", "O"), text="don\u2019t", document="d"),
        Sentence(("a", "b"), {"pos": ("X", "NOUN"), "case": ("l", "l")}, ("O", "B-x"), text="ab"),
        Sentence(("a", "b"), labels=("O", "O")),
    )
    write(Corpus(sentences), tmp_path / "x.spacy")
    corpus = read(tmp_path / "x.spacy")
    assert [s.text for s in corpus] == [s.text for s in sentences]
    assert [s.document for s in corpus] == [None, "d", None, None]
    assert corpus[2].features == {"pos": ("X", "NOUN"), "case": ("l", "l")}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), put=st.binary(max_size=3), n_cut=st.integers(0, 3))
def test_any_damage_is_read_or_refused(tmp_path: Path, place: int, put: bytes, n_cut: int) -> None:
    plain = zlib.decompress(save(tmp_path / "x.spacy", doc("Ada wrote", (0, 1, "P"), tags=["N", "V"])).read_bytes())
    place %= len(plain)
    (tmp_path / "y.spacy").write_bytes(zlib.compress(plain[:place] + put + plain[place + n_cut :]))
    with suppress(DataError):
        assert read(tmp_path / "y.spacy", format="docbin").n_words > 0


def test_damaged_files(tmp_path: Path) -> None:
    whole = save(tmp_path / "x.spacy", doc("Ada wrote", (0, 1, "P"))).read_bytes()
    file = tmp_path / "y.spacy"
    file.write_bytes(whole[:-9])
    with pytest.raises(FormatError, match="expected spaCy's DocBin, found a fault"):
        read(file)
    file.write_bytes(b"Ada\tO\n")
    with pytest.raises(FormatError, match="expected spaCy's DocBin"):
        read(file, format="docbin")
