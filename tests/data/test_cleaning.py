from pathlib import Path

import pytest

from nomina.data import Corpus, Note, RepairPolicy, Scheme, Sentence, clean, read
from nomina.errors import TagError


def make(*rows: tuple[str, str | None], scheme: Scheme | None = Scheme.IOB2) -> Corpus:
    sentences = [
        Sentence(
            tuple(words.split(" ")), labels=None if tags is None else tuple(tags.split()), line=10 * i, source="file"
        )
        for i, (words, tags) in enumerate(rows, 1)
    ]
    return Corpus(tuple(sentences), scheme, "made")


def kinds(notes: tuple[Note, ...]) -> list[str]:
    return [note.kind for note in notes]


def test_a_clean_corpus_stays_as_it_is() -> None:
    corpus = make(("Ada wrote", "B-per O"), ("Yes", "O"))
    cleaned, report = clean(corpus)
    assert cleaned == corpus
    assert report.notes() == ()
    assert (report.n_sentences, report.n_sentences_after, report.n_words, report.n_words_after) == (2, 2, 3, 3)


def test_tags_are_converted() -> None:
    corpus = make(("a b c", "I-x I-x B-x"), scheme=Scheme.IOB1)
    cleaned, report = clean(corpus, target=Scheme.BIOES)
    assert cleaned[0].labels == ("B-x", "E-x", "S-x")
    assert cleaned.scheme is Scheme.BIOES
    assert report.n_repairs == 0
    assert kinds(report.notes()) == ["converted"]
    assert cleaned.notes == report.notes()


@pytest.mark.parametrize(("policy", "expected"), [("conlleval", ("O", "B-x", "B-y")), ("discard", ("O", "O", "B-y"))])
def test_repairs_are_counted_and_located(policy: RepairPolicy, expected: tuple[str, ...]) -> None:
    cleaned, report = clean(make(("d", "O"), ("a b c", "O I-x B-y")), repair=policy)
    assert cleaned[1].labels == expected
    assert (report.n_repairs, report.n_repaired_sentences, report.repair_lines) == (1, 1, (20,))
    assert report.notes()[0].message == (
        f"1 invalid place in the tags of 1 sentence, repaired by the policy {policy!r} (first at line 20)"
    )


def test_errors_carry_file_and_line() -> None:
    with pytest.raises(TagError) as caught:
        clean(make(("d", "O"), ("a b c", "O I-x B-y")), repair="error")
    assert str(caught.value).startswith("file:20: in the sentence that starts here: expected valid IOB2 tags")
    assert "at word 2" in str(caught.value)


def test_the_scheme_can_be_given_or_is_detected() -> None:
    corpus = make(("a b", "I-x B-x"), scheme=None)
    assert clean(corpus).corpus[0].labels == ("B-x", "B-x")
    assert clean(corpus).report.n_repairs == 0
    assert clean(corpus, scheme=Scheme.IOB2).report.n_repairs == 1


def test_duplicates_are_counted_and_dropped_only_on_request() -> None:
    corpus = make(("a b", "O O"), ("a b", "O O"), ("c", "O"), ("a b", "O B-x"))
    kept = clean(corpus)
    assert (len(kept.corpus), kept.report.n_duplicates, kept.report.n_conflicting, kept.report.n_dropped) == (
        4,
        2,
        1,
        0,
    )
    dropped = clean(corpus, drop_duplicates=True)
    assert [s.line for s in dropped.corpus] == [10, 30]
    assert (dropped.report.n_dropped, dropped.report.duplicate_lines) == (2, (20, 40))
    assert (dropped.report.n_words, dropped.report.n_words_after) == (7, 3)
    assert "2 repeated sentences dropped, 1 of them tagged differently" in dropped.report.notes()[0].message


def test_one_object_twice_is_a_duplicate_too() -> None:
    corpus = make(("a b", "O O"))
    doubled = Corpus(corpus.sentences * 2, Scheme.IOB2)
    assert clean(doubled).report.n_duplicates == 1
    assert len(clean(doubled, drop_duplicates=True).corpus) == 1


def test_control_characters_are_reported_and_kept() -> None:
    corpus = make(
        ("a \u0085 b\u200b \u200b\u200d x\u00a0y \ufffd", "O O O O O O"), ("fine \u00e9 \u0939\u093f", "O O O")
    )
    cleaned, report = clean(corpus)
    assert cleaned[0].words == corpus[0].words
    assert (report.n_control, report.n_control_only, report.control_lines) == (4, 3, (10,))
    assert "4 words with control or zero-width characters kept, 3 of them" in report.notes()[0].message
    assert clean(corpus, control="ignore").report.n_control == 0


def test_what_reading_dropped_is_in_the_report(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("a\tX\tO\n\tX\tO\nb\tX\t\nc\tX\tI-x\n", encoding="utf-8")
    cleaned, report = clean(read(file))
    assert (report.n_blank, report.n_missing_tags) == (1, 1)
    assert "blank_word" in kinds(cleaned.notes)
    assert "blank_word" not in kinds(report.notes())


def test_sentences_without_labels_pass_through() -> None:
    corpus = make(("a b", None), ("a b", None), scheme=None)
    cleaned, report = clean(corpus)
    assert cleaned.sentences == corpus.sentences
    assert cleaned.scheme is None
    assert (report.n_duplicates, report.n_conflicting) == (1, 0)
    mixed = clean(make(("a", None), ("b", "I-x"))).corpus
    assert [s.labels for s in mixed] == [None, ("B-x",)]
    assert clean(Corpus(())).corpus == Corpus(())
