"""Every kind of fault, planted one at a time into a clean corpus, is found where it stands; nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from nomina.data.audit import KINDS, SEVERITIES, Finding, Thresholds, audit
from nomina.data.formats import read
from nomina.data.tags import Scheme
from nomina.errors import FormatError
from planted import PARTS, Rows, clean_rows, line_of, read_rows, write_rows

Parts = dict[str, Rows]


class Expected(NamedTuple):
    """A finding that must be there, with the places of its examples, and kinds that may come with it."""

    kind: str
    n: int
    part: str | None
    places: list[tuple[str, int, int]] = []  # noqa: RUF012 - never changed
    also: tuple[str, ...] = ()


FAULTS: dict[str, Callable[[Parts], Expected]] = {}


def plants(fault: Callable[[Parts], Expected]) -> Callable[[Parts], Expected]:
    FAULTS[fault.__name__] = fault
    return fault


@plants
def invalid_tags(parts: Parts) -> Expected:
    parts["dev"][3][0][2] = "I-per"
    parts["dev"][7][5][2] = "I-tim"
    return Expected("invalid_tags", 2, "dev", [("dev", 3, 0), ("dev", 7, 5)])


@plants
def a_type_that_changes_inside(parts: Parts) -> Expected:
    parts["train"][5][1][2] = "I-geo"
    return Expected("invalid_tags", 1, "train", [("train", 5, 1)])


@plants
def no_entities(parts: Parts) -> Expected:
    for sentence in parts["test"]:
        for row in sentence:
            row[2] = "O"
    return Expected("no_entities", 9 * PARTS["test"], "test", also=("inconsistent_mentions",))


@plants
def a_new_type(parts: Parts) -> Expected:
    for i in (4, 9):
        parts["test"][i][3][2] = "B-loc"
    return Expected("type_not_in_train", 1, "test", [("test", 4, 3)], also=("unseen_entities",))


@plants
def a_missing_type(parts: Parts) -> Expected:
    for sentence in parts["dev"]:
        sentence[5][:] = ["Nothing", "NN", "O"]
    return Expected("type_missing", 1, "dev")


@plants
def a_rare_type(parts: Parts) -> Expected:
    for name in parts:
        parts[name][2][3][:] = ["Atlantis", "NNP", "B-myth"]
    return Expected("rare_type", 1, "train", [("train", 2, 3)])


@plants
def a_leak(parts: Parts) -> Expected:
    parts["test"][6] = deepcopy(parts["train"][11])
    parts["dev"][6] = deepcopy(parts["train"][12])
    return Expected("leak", 1, "test", [("test", 6, 0)])


@plants
def dev_and_test_overlap(parts: Parts) -> Expected:
    parts["test"][6] = deepcopy(parts["dev"][11])
    return Expected("dev_test_overlap", 1, "test", [("test", 6, 0)])


@plants
def a_short_leak(parts: Parts) -> Expected:
    for name in ("train", "test"):
        parts[name][6] = [["Yes", "UH", "O"], [".", ".", "O"]]
    return Expected("short_leak", 1, "test", also=("pos_once",))


@plants
def repeats(parts: Parts) -> Expected:
    parts["train"][20] = deepcopy(parts["train"][3])
    parts["train"][30] = deepcopy(parts["train"][3])
    return Expected("repeated_sentences", 2, "train", [("train", 20, 0), ("train", 30, 0)])


@plants
def conflicting_labels(parts: Parts) -> Expected:
    parts["train"][20] = deepcopy(parts["train"][3])
    parts["train"][20][3][2] = "B-per"
    return Expected("conflicting_labels", 1, None, [("train", 20, 3)], also=("repeated_sentences",))


@plants
def a_conflict_across_parts(parts: Parts) -> Expected:
    parts["test"][6] = deepcopy(parts["train"][11])
    parts["test"][6][1][2] = "B-per"
    return Expected("conflicting_labels", 1, None, [("test", 6, 0)], also=("leak", "unseen_entities"))


@plants
def a_short_conflict(parts: Parts) -> Expected:
    parts["train"][20] = [["Oslo", "NNP", "B-geo"], [".", ".", "O"]]
    parts["train"][30] = [["Oslo", "NNP", "B-per"], [".", ".", "O"]]
    return Expected("conflicting_short", 1, None, [("train", 30, 0)], also=("repeated_sentences",))


@plants
def a_forgotten_mention(parts: Parts) -> Expected:
    parts["train"][8][0][2] = parts["train"][8][1][2] = "O"
    parts["dev"][8][3][2] = "O"
    parts["dev"][9][3][2] = "O"
    places = [("train", 8, 0), ("dev", 8, 3), ("dev", 9, 3)]
    return Expected("inconsistent_mentions", 3, None, places)


@plants
def unseen_entities(parts: Parts) -> Expected:
    parts["test"][1][3][0] = "Reykjavik"
    return Expected("unseen_entities", 1, "test")


@plants
def words_are_numbers(parts: Parts) -> Expected:
    for i, sentence in enumerate(parts["train"]):
        for j, row in enumerate(sentence):
            row[0] = str(10 * i + j)
    return Expected("word_column", 9 * PARTS["train"], "train", [("train", 0, 0)], also=("unseen_entities",))


@plants
def words_and_labels_swapped(parts: Parts) -> Expected:
    for i, sentence in enumerate(parts["train"]):
        for j, row in enumerate(sentence):
            row[0] = row[2] if (i, j) != (0, 7) else "once"
    also = ("unseen_entities", "repeated_sentences", "inconsistent_mentions", "conflicting_labels")
    return Expected("word_column", 9 * PARTS["train"], "train", [("train", 0, 0)], also=also)


@plants
def words_and_tags_swapped(parts: Parts) -> Expected:
    for i, sentence in enumerate(parts["train"]):
        for row in sentence:
            row[0], row[1] = row[1], row[0]
        sentence[8][0] = f"n{i}"
    also = ("unseen_entities", "pos_sets_differ", "pos_once", "pos_column", "inconsistent_mentions")
    return Expected("word_column", 9 * PARTS["train"], "train", [("train", 0, 0)], also=also)


@plants
def the_same_word(parts: Parts) -> Expected:
    for i, sentence in enumerate(parts["dev"]):
        for row in sentence[:8]:
            row[0] = "word"
        sentence[8][0] = str(i)
    also = ("unseen_entities", "inconsistent_mentions")
    return Expected("word_column", 9 * PARTS["dev"], "dev", [("dev", 0, 0)], also=also)


@plants
def tags_are_labels(parts: Parts) -> Expected:
    for sentence in parts["train"]:
        for row in sentence:
            row[1] = row[2]
        sentence[0][1] = "B-x"
    also = ("pos_sets_differ",)
    return Expected("pos_column", 9 * PARTS["train"], "train", [("train", 0, 0)], also=also)


@plants
def tags_are_words(parts: Parts) -> Expected:
    for sentence in parts["train"]:
        for row in sentence:
            row[1] = row[0]
    also = ("pos_sets_differ", "pos_once")
    return Expected("pos_column", 9 * PARTS["train"], "train", [("train", 0, 0)], also=also)


@plants
def a_feature_is_the_label(parts: Parts) -> Expected:
    for name in parts:
        for sentence in parts[name]:
            for row in sentence:
                row[1] = row[2]
    return Expected("feature_is_label", 1, "train")


@plants
def labels_are_chunks(parts: Parts) -> Expected:
    for name in parts:
        for sentence in parts[name]:
            for row in sentence:
                row[2] = row[2].replace("per", "NP").replace("geo", "VP").replace("tim", "PP")
    return Expected("label_column", 3, "train", [("train", 0, 0)])


@plants
def labels_are_parts_of_speech(parts: Parts) -> Expected:
    for name in parts:
        for sentence in parts[name]:
            for row in sentence:
                row[2] = f"B-{row[1]}" if row[1] != "." else "O"
    also = ("unseen_entities", "conflicting_labels")
    return Expected("label_column", 4, "train", [("train", 0, 0)], also=also)


@plants
def hardly_any_outside(parts: Parts) -> Expected:
    for name in parts:
        for i, sentence in enumerate(parts[name]):
            for row in sentence:
                row[2] = "B-thing" if i else row[2]
    also = ("unseen_entities", "inconsistent_mentions", "rare_type", "type_missing")
    return Expected("few_outside", 5, "train", [("train", 0, 0)], also=also)


@plants
def a_mistyped_tag(parts: Parts) -> Expected:
    parts["train"][4][2][1] = "VBDD"
    return Expected("pos_outside", 1, "train", [("train", 4, 2)])


@plants
def a_tag_seen_once(parts: Parts) -> Expected:
    parts["train"][4][2][1] = "VBZ"
    return Expected("pos_once", 1, "train", [("train", 4, 2)])


@plants
def one_tag_throughout(parts: Parts) -> Expected:
    for name in parts:
        for sentence in parts[name]:
            for row in sentence:
                row[1] = "NN"
    return Expected("pos_constant", 9 * PARTS["train"], "train")


@plants
def another_tag_set(parts: Parts) -> Expected:
    universal = {"NNP": "PROPN", "VBD": "VERB", "IN": "ADP", "NN": "NOUN", ".": "PUNCT"}
    for sentence in parts["test"]:
        for row in sentence:
            row[1] = universal[row[1]]
    return Expected("pos_sets_differ", 5, "test")


def _word(word: str, kind: str) -> None:
    def fault(parts: Parts) -> Expected:
        parts["dev"][4][7][0] = word
        return Expected(kind, 1, "dev", [("dev", 4, 7)])

    FAULTS[f"{kind} {word!a}"] = fault


_word("cafÃ©", "mojibake")
_word("Itâ€™s", "mojibake")
_word("Ã\u00a0", "mojibake")
_word("it\u0092s", "c1_control")
_word("\u0097", "c1_control")
_word("caf\ufffd", "replacement")
_word("bell\u0007", "control")
_word("\u007f", "control")
_word("zero\u200bwidth", "zero_width")
_word("\ufeffmark", "zero_width")
_word("soft\u00adhyphen", "zero_width")
_word("a\u200db", "zero_width")
_word("5\u00a0storm", "space_in_word")
_word("two words", "space_in_word")
_word("\ue000", "private_use")
_word("\u0378", "private_use")


@plants
def two_normal_forms(parts: Parts) -> Expected:
    parts["train"][4][7][0] = "caf\u00e9"
    parts["dev"][4][7][0] = "cafe\u0301"
    return Expected("mixed_normalisation", 1, None, [("dev", 4, 7)])


@plants
def a_row_without_a_word(parts: Parts) -> Expected:
    parts["dev"][4][7][0] = " "
    return Expected("blank_word", 1, "dev", [("dev", 4, 7)])


@plants
def a_row_without_a_label(parts: Parts) -> Expected:
    parts["dev"][4][7][2] = ""
    return Expected("missing_tag", 1, "dev", [("dev", 4, 7)])


@plants
def a_word_without_a_tag(parts: Parts) -> Expected:
    parts["dev"][4][7][1] = ""
    return Expected("missing_feature", 1, "dev", [("dev", 4, 7)])


@plants
def a_row_with_more_columns(parts: Parts) -> Expected:
    parts["dev"][4][7].append("more")
    return Expected("extra_columns", 1, "dev", [("dev", 4, 7)])


def of_kind(findings: tuple[Finding, ...], kind: str, part: str | None) -> Finding:
    [found] = [f for f in findings if (f.kind, f.part) == (kind, part)]
    return found


@pytest.fixture(scope="module")
def clean_parts() -> Parts:
    return {name: clean_rows(name) for name in PARTS}


def test_nothing_is_invented(clean_parts: Parts, tmp_path: Path) -> None:
    found = audit(read_rows(clean_parts, tmp_path))
    assert [f.kind for f in found.findings] == ["scheme"] * 3
    assert found.verdict == "0 errors, 0 warnings"
    assert [f.severity for f in audit({"train": read("sample")}).findings] == ["info", "info"]  # scheme, rare POS tags


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str, clean_parts: Parts, tmp_path: Path) -> None:
    parts = deepcopy(clean_parts)
    expected = FAULTS[name](parts)
    findings = audit(read_rows(parts, tmp_path)).findings
    found = of_kind(findings, expected.kind, expected.part)
    assert (found.count, found.severity) == (expected.n, KINDS[expected.kind].severity)
    places = [f"{tmp_path / part}.conll:{line_of(parts[part], *place)}" for part, *place in expected.places]
    assert sorted(example.place for example in found.examples)[: len(places)] == sorted(places)
    assert {f.kind for f in findings} <= {expected.kind, "scheme", *expected.also}


def test_what_is_no_fault(clean_parts: Parts, tmp_path: Path) -> None:
    parts = deepcopy(clean_parts)
    words = [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f469\u200d\U0001f4bb",
        "naïve",
        "5\u2019s",
        "Ä°"[:1],
        "œuvre",
        "…",
        "日本",
    ]
    for i, word in enumerate(words):  # Persian and emoji with joiners, letters and signs beyond ASCII
        parts["train"][i][7][0] = word
    parts["train"][9][0][:] = ["On", "IN", "O"]
    parts["train"][9][1][:] = ["it", "PRP", "O"]
    parts["train"][10][1][:] = ["it", "PRP", "I-per"]
    assert [f.kind for f in audit(read_rows(parts, tmp_path)).findings] == ["scheme"] * 3


def test_common_words_are_no_forgotten_mentions(clean_parts: Parts, tmp_path: Path) -> None:
    parts = deepcopy(clean_parts)
    for i in range(60):
        parts["train"][i][5][0] = "May"
    parts["train"][70][0][:] = ["May", "MD", "O"]  # begins the sentence, and "may" is a word
    parts["train"][70][1][:] = ["Ada", "NNP", "B-per"]
    parts["train"][71][7][0] = "may"
    assert not [f for f in audit(read_rows(parts, tmp_path)).findings if f.kind == "inconsistent_mentions"]
    parts["train"][70][0][:] = ["Last", "JJ", "O"]
    parts["train"][70][1][:] = ["May", "NNP", "O"]
    found = of_kind(audit(read_rows(parts, tmp_path)).findings, "inconsistent_mentions", None)
    assert "May is tim in 60 of 61 places" in found.examples[0].text


def test_thresholds(clean_parts: Parts, tmp_path: Path) -> None:
    parts = deepcopy(clean_parts)
    for i in range(12):
        parts["dev"][i][0][2] = "I-per"
    corpora = read_rows(parts, tmp_path)
    found = audit(corpora, thresholds=Thresholds(n_examples=2, rare_type=201)).findings
    assert len(of_kind(found, "invalid_tags", "dev").examples) == 2
    assert of_kind(found, "rare_type", "train").count == 3


def test_schemes(clean_parts: Parts, tmp_path: Path) -> None:
    parts = deepcopy(clean_parts)
    for sentence in parts["dev"]:
        for row in sentence:
            row[2] = row[2].replace("B-", "I-")
    corpora = read_rows(parts, tmp_path)
    found = audit(corpora).findings
    assert of_kind(found, "mixed_schemes", None).severity == "warning"
    assert not [f for f in found if f.kind == "invalid_tags"]
    forced = audit(corpora, scheme=Scheme.IOB2).findings
    assert of_kind(forced, "invalid_tags", "dev").count == 3 * PARTS["dev"]


def test_unlabelled_sentences(clean_parts: Parts, tmp_path: Path) -> None:
    corpora = read_rows(clean_parts, tmp_path)
    dev = corpora["dev"]
    bare = replace(dev, sentences=(replace(dev[0], labels=None), *dev.sentences[1:]))
    found = of_kind(audit(corpora | {"dev": bare}).findings, "unlabelled", "dev")
    assert (found.count, found.examples[0].place) == (1, f"{tmp_path / 'dev.conll'}:1")


def test_a_sentence_number_that_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = ["Sentence #,Word,POS,Tag", "1,Ada,NNP,B-per", "1,ran,VBD,O", "2,Oslo,NNP,B-geo", "1,Ada,NNP,B-per"]
    path.write_text("\n".join(rows), encoding="utf-8")
    found = of_kind(audit({"train": read(path)}).findings, "repeated_number", "train")
    assert found.examples[0].place == f"{path}:5"


def test_windows_1252_is_named_with_its_words(clean_parts: Parts, tmp_path: Path) -> None:
    parts = deepcopy(clean_parts)
    for i, word in enumerate(["it\u2019s", "\u2026", "\u2013", "caf\u00e9"]):
        parts["train"][i][7][0] = word
    path = write_rows(parts["train"], tmp_path / "old.conll", encoding="cp1252")
    found = audit({"train": read(path, columns="word,pos,label")})
    encoding = of_kind(found.findings, "encoding", "train")
    assert "Windows-1252" in encoding.message
    assert "3 words hold" in encoding.message
    assert "2 consist of one" in encoding.message
    assert [e.place for e in encoding.examples] == [f"{path}:{line_of(parts['train'], i, 7)}" for i in range(4)]
    assert found.parts["train"].encoding == "Windows-1252"


def test_a_file_in_two_encodings(clean_parts: Parts, tmp_path: Path) -> None:
    parts = deepcopy(clean_parts)
    for i in range(4):
        parts["train"][i][7][0] = "caf\udce9"  # a byte of Windows-1252
    parts["train"][9][7][0] = "na\u00efve"
    path = write_rows(parts["train"], tmp_path / "both.conll")
    found = audit({"train": read(path, columns="word,pos,label")}).findings
    mixed = of_kind(found, "mixed_encoding", "train")
    assert [e.place for e in mixed.examples] == [f"{path}:{line_of(parts['train'], 9, 7)}"]
    assert "naïve" in mixed.examples[0].text


def test_corpora_in_memory_are_named_by_part(clean_parts: Parts, tmp_path: Path) -> None:
    corpus = read_rows(clean_parts, tmp_path)["train"]
    sentences = tuple(replace(s, line=None, lines=None, source=None) for s in corpus)
    found = audit({"train": replace(corpus, sentences=(*sentences, sentences[4]))}).findings
    assert of_kind(found, "repeated_sentences", "train").examples[0].place == "train, sentence 201"


def test_every_finding_is_plain(clean_parts: Parts, tmp_path: Path) -> None:
    parts = deepcopy(clean_parts)
    parts["test"][0] = deepcopy(parts["train"][0])
    result = audit(read_rows(parts, tmp_path))
    facts = json.loads(json.dumps(result.to_dict()))
    assert facts["parts"]["train"]["n_words"] == 9 * PARTS["train"]
    assert facts["parts"]["train"]["types"] == {"per": 200, "geo": 200, "tim": 200}
    assert facts["parts"]["train"]["features"]["pos"]["NNP"] == 4 * PARTS["train"]
    assert facts["parts"]["test"]["unseen"]["per"] == {"n_unseen": 0, "n_mentions": 40, "share": 0.0}
    assert [f["severity"] for f in facts["findings"]] == sorted(
        (f["severity"] for f in facts["findings"]), key=SEVERITIES.index
    )
    assert facts["findings"][0]["kind"] == "leak"


def test_kinds_are_ordered_by_severity() -> None:
    severities = [SEVERITIES.index(kind.severity) for kind in KINDS.values()]
    assert severities == sorted(severities)


def test_gmb(shared: Path) -> None:
    result = audit({"train": read(shared / "gmb" / "ner_dataset.csv.zip")})
    repeated = of_kind(result.findings, "repeated_sentences", "train")
    assert repeated.count == 384
    encoding = of_kind(result.findings, "encoding", "train")
    assert "Windows-1252" in encoding.message
    assert "31 words hold a character that only Windows-1252 has" in encoding.message
    assert "21 consist of one" in encoding.message
    assert [e.place.rpartition(":")[2] for e in repeated.examples] == ["59037", "80557", "90451", "95554", "110331"]
    assert result.parts["train"].n_sentences == 47_959


def test_bytes_that_are_none_in_a_file_in_utf_8_are_refused_with_their_line(clean_parts: Parts, tmp_path: Path) -> None:
    parts = deepcopy(clean_parts)
    for i in range(4):
        parts["train"][i][7][0] = "na\u00efve"
    parts["train"][9][7][0] = "caf\udce9"
    path = write_rows(parts["train"], tmp_path / "both.conll")
    with pytest.raises(FormatError, match=f":{line_of(parts['train'], 9, 7)}: expected UTF-8"):
        read(path, columns="word,pos,label")


@pytest.mark.parametrize("scheme", [None, Scheme.IOB2])
def test_a_part_without_labels_has_no_scheme(scheme: Scheme | None, tmp_path: Path) -> None:
    corpus = read_rows({"test": clean_rows("test")}, tmp_path)["test"]
    bare = replace(corpus, sentences=tuple(replace(s, labels=None) for s in corpus), scheme=None)
    found = audit({"evaluated": bare}, scheme=scheme)
    assert [f.kind for f in found.findings if f.kind != "reading"] == ["unlabelled"]
    assert found.parts["evaluated"].scheme is None


def test_where_some_sentences_have_labels_those_are_read(tmp_path: Path) -> None:
    rows = clean_rows("test")
    rows[1][0][2] = "I-per"
    corpus = read_rows({"test": rows}, tmp_path)["test"]
    mixed = replace(corpus, sentences=(replace(corpus[0], labels=None), *corpus.sentences[1:]))
    found = {f.kind: f for f in audit({"evaluated": mixed}, scheme=Scheme.IOB2).findings}
    assert (found["unlabelled"].count, found["invalid_tags"].count) == (1, 1)
    assert found["invalid_tags"].examples[0].place.endswith(f":{line_of(rows, 1)}")
