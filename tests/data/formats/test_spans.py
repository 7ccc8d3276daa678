"""Exports of doccano, Label Studio and Prodigy, in the shapes that their documentation shows."""

import json
from pathlib import Path
from typing import Any

import pytest

from nomina.data import Scheme, read
from nomina.data.formats import Format, recognise
from nomina.data.formats.source import load
from nomina.errors import DataError

PLAIN = (("Ada", "Lovelace", "wrote", "."), ("B-per", "I-per", "O", "O"))
TEXT = "Ada Lovelace wrote."


def write(folder: Path, *records: Any) -> Path:
    file = folder / "export"
    file.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    return file


def task(*results: Any, text: str = TEXT, **annotation: Any) -> dict[str, Any]:
    values = [{"type": "labels", "from_name": "label", "to_name": "text", "value": value} for value in results]
    return {
        "id": 1,
        "annotations": [{"id": 9, "completed_by": 1, "result": values, "was_cancelled": False, **annotation}],
        "file_upload": "x.txt",
        "data": {"text": text},
        "meta": {},
    }


VALUE = {"start": 0, "end": 12, "text": "Ada Lovelace", "labels": ["per"]}
SPAN = {"start": 0, "end": 12, "token_start": 0, "token_end": 1, "label": "per"}
EXPORTS: dict[str, tuple[Format, Any]] = {
    "doccano label": ("doccano", {"id": 7, "text": TEXT, "label": [[0, 12, "per"]], "Comments": []}),
    "doccano labels": ("doccano", {"text": TEXT, "labels": [[0, 12, "per"]]}),
    "doccano entities": (
        "doccano",
        {
            "id": 7,
            "text": TEXT,
            "entities": [{"id": 1, "label": "per", "start_offset": 0, "end_offset": 12}],
            "relations": [],
        },
    ),
    "labelstudio": ("labelstudio", [task(VALUE)]),
    "labelstudio min": (
        "labelstudio",
        [{"text": TEXT, "id": 1, "label": [VALUE], "annotator": 1, "annotation_id": 2, "lead_time": 3.5}],
    ),
    "prodigy": ("prodigy", {"text": TEXT, "_input_hash": 1, "_task_hash": 2, "spans": [SPAN], "answer": "accept"}),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_each_tool_is_told_and_read(tmp_path: Path, name: str) -> None:
    form, record = EXPORTS[name]
    file = write(tmp_path, record)
    assert recognise(load(file)) == form
    for chosen in ("auto", form):
        corpus = read(file, format=chosen)
        assert [(s.words, s.labels) for s in corpus] == [PLAIN]
        assert (corpus[0].text, corpus[0].line, corpus[0].source) == (TEXT, 1, str(file))
        assert (corpus.scheme, corpus.notes) == (Scheme.IOB2, ())


def test_tools_are_told_by_what_comes_after_texts_that_nobody_annotated(tmp_path: Path) -> None:
    for name in ("prodigy", "doccano label", "doccano labels", "doccano entities"):
        form, record = EXPORTS[name]
        file = write(tmp_path, {"text": "Unseen."}, record)
        assert recognise(load(file)) == form
        assert [s.labels for s in read(file)] == [None, PLAIN[1]]
    # A field of doccano's own may have a name that Prodigy has a meaning for.
    file = write(tmp_path, {"text": "Unseen."}, EXPORTS["doccano label"][1], {"text": "Seen.", "answer": 42})
    assert recognise(load(file)) == "doccano"


def test_spans_of_another_tool_are_not_dropped_in_silence(tmp_path: Path) -> None:
    prodigy, doccano = EXPORTS["prodigy"][1], EXPORTS["doccano label"][1]
    foreign_to: list[tuple[Format, Any, str]] = [("doccano", prodigy, "spans"), ("prodigy", doccano, "label")]
    for form, foreign, key in foreign_to:
        [note] = read(write(tmp_path, foreign), format=form).notes
        assert (note.kind, note.count) == ("unread", 1)
        assert repr(key) in note.message
    far = [{"text": "Unseen."}] * 5_000
    assert {note.kind for note in read(write(tmp_path, *far, prodigy)).notes} == {"unread"}


def test_our_own_json_lines_are_none_of_them(tmp_path: Path) -> None:
    record = {
        "tokens": ["Ada"],
        "ner_tags": ["B-per"],
        "text": "Ada",
        "spans": [{"label": "per", "start": 0, "end": 1}],
    }
    file = write(tmp_path, record)
    assert recognise(load(file)) == "jsonl"
    assert read(file).notes == ()


def test_a_prettily_printed_export_keeps_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps([task(VALUE), task({"start": 1, "end": 5, "labels": ["x"]})], indent=2))
    corpus = read(file)
    begins = [i for i, line in enumerate(file.read_text().splitlines(), 1) if line == "  {"]
    assert [s.line for s in corpus] == begins
    [note] = corpus.notes
    assert note.message == (f"1 span cut through a word, expanded to whole words (line {begins[1]} characters 1-5)")
    assert (note.kind, note.count, note.lines) == ("span_expanded", 1, (begins[1],))


def test_label_studio_annotations_are_chosen(tmp_path: Path) -> None:
    several = task(VALUE)
    several["annotations"] += [{"result": [], "ground_truth": True}, {"result": [], "was_cancelled": True}]
    cancelled = task(VALUE, was_cancelled=True)
    bare = {"data": {"text": "Nobody looked."}, "annotations": [], "predictions": [{"result": []}]}
    other = task()
    other["annotations"][0]["result"] = [{"type": "choices", "value": {"choices": ["good"]}}, {"type": "relation"}]
    two = task({**VALUE, "labels": ["per", "org"]})
    corpus = read(write(tmp_path, [several, cancelled, bare, other, two]))
    assert [s.labels for s in corpus] == [("O",) * 4, None, ("O",) * 4, PLAIN[1]]
    messages = [note.message for note in corpus.notes]
    assert "not read: 1 annotation, which are second ones of a task (line 1)" in messages
    assert "1 record skipped: all annotations of the task are cancelled (line 1)" in messages
    assert "not read: 1 annotation, which are of the type choices (line 1)" in messages
    assert "1 span with several types; the first was read (line 1 characters 0-12)" in messages
    assert {note.kind for note in corpus.notes} == {"unread", "refused", "span_labels", "unlabelled"}


def test_tasks_that_nobody_annotated_are_told(tmp_path: Path) -> None:
    bare = {"data": {"text": TEXT}}
    for indent in (None, 2):
        file = tmp_path / "export"
        file.write_text(json.dumps([{"id": 1, **bare}, bare], indent=indent))
        assert recognise(load(file)) == "labelstudio"
        assert [s.labels for s in read(file)] == [None, None]


def test_prodigy_answers_tokens_and_features(tmp_path: Path) -> None:
    tokens = [
        {"text": "Ada", "start": 0, "end": 3, "id": 0, "ws": True, "pos": "NNP"},
        {"text": "Lovelace wrote", "start": 4, "end": 18, "id": 1, "ws": False, "pos": "X"},
        {"text": ".", "start": 18, "end": 19, "id": 2, "ws": False},
    ]
    good = {"text": TEXT, "tokens": tokens, "spans": [SPAN], "answer": "accept", "meta": {"document": "d1"}}
    rest = [{**good, "answer": answer} for answer in ("reject", "ignore")]
    empty, bare = {"text": "None.", "answer": "accept"}, {"text": "Unseen."}
    corpus = read(write(tmp_path, good, *rest, empty, bare))
    assert corpus[0].words == ("Ada", "Lovelace wrote", ".")
    assert corpus[0].labels == ("B-per", "I-per", "O")
    assert corpus[0].features == {"pos": ("NNP", "X", "_")}
    assert corpus[0].document == "d1"
    assert [s.labels for s in corpus[1:]] == [("O", "O"), None]
    assert {(note.kind, note.count) for note in corpus.notes} == {
        ("span_expanded", 1), ("refused", 2), ("unlabelled", 1)
    }  # fmt: skip


def test_lines_are_sentences_and_spans_across_them_are_cut(tmp_path: Path) -> None:
    text = "Ada\r\n\n  Anna Lovelace\rwrote\n"
    labels = [[0, 10, "a"], [8, 25, "b"], [3, 7, "c"], [22, 29, "d"]]
    corpus = read(write(tmp_path, {"text": text, "label": labels}, {"text": "One line.\n", "label": []}))
    assert [(s.words, s.text, s.document) for s in corpus] == [
        (("Ada",), "Ada", "1"),
        (("Anna", "Lovelace"), "  Anna Lovelace", "1"),
        (("wrote",), "wrote", "1"),
        (("One", "line", "."), "One line.", None),
    ]
    assert [s.start_char for s in corpus] == [0, 6, 22, 0]
    # of 0-10, three characters lie in the first line and four in the second
    assert [s.labels for s in corpus[:3]] == [("O",), ("B-b", "I-b"), ("B-d",)]
    notes = {note.kind: note for note in corpus.notes}
    assert notes["span_across_lines"].count == 2
    assert "characters 0-10, line 1 characters 8-25" in notes["span_across_lines"].message
    assert (notes["span_overlap"].count, notes["span_wordless"].count) == (1, 1)


def test_blanks_and_ends_of_spans(tmp_path: Path) -> None:
    record = {"text": " Ada wrote ", "label": [[0, 5, "per"], [4, 5, "x"], [5, 99, "y"], [50, 60, "z"]]}
    corpus = read(write(tmp_path, record))
    assert corpus[0].labels == ("B-per", "B-y")
    assert {(note.kind, note.count) for note in corpus.notes} == {
        ("span_trimmed", 2), ("span_wordless", 2), ("span_outside", 2)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cut", "labels"),
    [("expand", ("B-x", "I-x", "O", "O")), ("shrink", ("O", "B-x", "O", "O")), ("drop", ("O",) * 4)],
)
def test_cut_spans_follow_the_policy(tmp_path: Path, cut: Any, labels: tuple[str, ...]) -> None:
    file = write(tmp_path, {"text": TEXT, "label": [[1, 12, "x"]]})
    assert read(file, cut_spans=cut)[0].labels == labels


def test_policies_that_refuse_name_the_place(tmp_path: Path) -> None:
    file = write(tmp_path, {"text": "fine"}, {"text": TEXT, "label": [[1, 12, "x"], [1, 3, "y"]]})
    with pytest.raises(DataError, match=r"characters 1-12 \(x\)") as caught:
        read(file, cut_spans="error")
    assert (caught.value.path, caught.value.line) == (str(file), 2)
    with pytest.raises(DataError, match=r"characters 1-3 \(y\)"):
        read(file, overlaps="error")
    assert read(file, overlaps="innermost")[1].labels == ("B-y", "O", "O", "O")


def test_offsets_count_code_points_and_utf16_is_found_out(tmp_path: Path) -> None:
    text = "\U0001f4a9\U0001f4a9 Ada wrote"
    units = {"start": 5, "end": 8, "text": "Ada", "labels": ["per"]}
    points = {"start": 3, "end": 6, "text": "Ada", "labels": ["per"]}
    for value, kinds in ((points, set()), (units, {"span_utf16"})):
        corpus = read(write(tmp_path, [task(value, text=text)]))
        assert corpus[0].labels == ("O", "B-per", "O")
        assert {note.kind for note in corpus.notes} == kinds
    corpus = read(write(tmp_path, {"text": text, "label": [[3, 6, "per"]]}))
    assert corpus[0].labels == ("O", "B-per", "O")


@pytest.mark.parametrize(
    ("form", "content", "match"),
    [
        ("doccano", '{"text": 1}', "expected 'text' with a string, found 1"),
        ("doccano", '{"text": "a", "label": ["x"]}', "expected spans of a start, an end and a label"),
        ("doccano", '{"text": "a", "label": [[0, true, "x"]]}', "expected a span with start, end and a label"),
        ("doccano", '{"text": "a", "label": [[0, 1, " "]]}', "expected a span with start, end and a label"),
        ("doccano", "[]", "expected a JSON object"),
        ("prodigy", '{"text": "a", "spans": [1]}', "expected a list of objects in 'spans'"),
        ("prodigy", '{"text": "ab", "tokens": [{"text": "b", "start": 0, "end": 1}]}', "a token with the text 'a'"),
        ("prodigy", '{"text": "ab", "tokens": [{"start": 1, "end": 1}]}', "from left to right"),
        ("prodigy", '{"text": "ab"', "expected one whole JSON object"),
        ("labelstudio", '[{"data": {}, "annotations": []}]', "expected 'text' with a string, found null"),
        ("labelstudio", '[{"data": ', "expected a list of whole JSON objects"),
        ("labelstudio", "[1]", "expected a JSON object"),
        ("labelstudio", '{"a": [1]}', "expected a JSON list"),
        ("labelstudio", '[{"text": "a", "annotator": 1}', "expected a list of whole JSON objects"),
    ],
)
def test_faults_carry_their_place(tmp_path: Path, form: Format, content: str, match: str) -> None:
    file = tmp_path / "export"
    file.write_text("\n" + content, encoding="utf-8")
    with pytest.raises(DataError, match=match) as caught:
        read(file, format=form)
    assert (caught.value.path, caught.value.line) == (str(file), 2)
