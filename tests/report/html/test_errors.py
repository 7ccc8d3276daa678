from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from mistakes import sample_mistakes
from nomina.report.html.errors import ErrorSentence, error_payload, errors_link, errors_section
from nomina.scoring.chunks import Chunk
from nomina.scoring.pairs import Pair

SENTENCE = ErrorSentence(
    words=("Ann", "Lee", "left", "Ann"),
    pos=("NNP", "NNP", "VBD", "NNP"),
    pairs=(Pair(Chunk("per", 0, 2), Chunk("org", 0, 1)), Pair(Chunk("per", 3, 4), None)),
    confidence=(0.97654, None),
    document="d1",
    place="test.conll:7",
    slices={"length": ("1-9",)},
)


def restore(payload: dict[str, Any]) -> list[ErrorSentence]:
    """Read a payload as its description says, without the scripts."""
    types = payload["types"]

    def chunk(label: int, start: int, end: int) -> Chunk | None:
        return None if label < 0 else Chunk(types[label], start, end)

    sentences = []
    for words, tags, flat, document, place, values in payload["sentences"]:
        rows = [flat[i : i + 8] for i in range(0, len(flat), 8)]
        pairs = tuple(Pair(chunk(*row[1:4]), chunk(*row[4:7])) for row in rows)
        assert [payload["kinds"][row[0]][0] for row in rows] == [pair.kind for pair in pairs]
        slices = {
            name: tuple(names[i] for i in numbers)
            for (name, names), numbers in zip(payload["slices"], values, strict=True)
        }
        sentences.append(
            ErrorSentence(
                words=tuple(payload["words"][i] for i in words),
                pos=None if tags == 0 else tuple(payload["tags"][i] for i in tags),
                pairs=pairs,
                confidence=tuple(None if row[7] < 0 else row[7] / 10_000 for row in rows),
                document=None if document < 0 else payload["documents"][document],
                place=place,
                slices=slices,
            )
        )
    return sentences


def test_the_payload_holds_every_wrong_sentence() -> None:
    sentences = [*sample_mistakes(300), replace(SENTENCE, pos=None, document=None, confidence=(None, None))]
    slices = {"length", "capitals", "genre"}
    expected = [
        replace(s, slices={name: s.slices.get(name, ()) for name in sorted(slices)}) for s in sentences if s.n_errors
    ]
    payload = json.loads(json.dumps(error_payload(sentences)))
    assert restore(payload) == expected


def test_frequent_words_have_small_numbers_and_slices_their_natural_order() -> None:
    lengths = ["100", "20", "3", "20", "a1", "1"]
    sentences = [replace(SENTENCE, slices={"length": (length,)}) for length in lengths]
    payload = error_payload(sentences)
    assert payload["words"] == ["Ann", "Lee", "left"]
    assert payload["slices"] == [["length", ["1", "3", "20", "100", "a1"]]]
    many = [replace(SENTENCE, slices={"author": (str(n),)}) for n in [*range(30), 17, 17, 4]]
    assert error_payload(many)["slices"][0][1][:3] == ["17", "4", "0"]


def test_confidences_are_rounded_to_four_digits() -> None:
    (sentence,) = restore(error_payload([SENTENCE]))
    assert sentence.confidence == (0.9765, None)


@pytest.mark.parametrize(
    "change",
    [
        {"pos": ("NNP",)},
        {"confidence": (0.5,)},
        {"pairs": (Pair(Chunk("per", 3, 5), None),) * 2},
        {"pairs": (Pair(Chunk("per", 1, 1), None),) * 2},
    ],
)
def test_sentences_that_do_not_fit_together_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"for 4 words|for 2 pairs|not within the 4 words"):
        replace(SENTENCE, **change)


def test_links() -> None:
    link = errors_link(kinds=["type", "both"], gold=["per"], predicted=["org & co"], slices={"length": ["1-9", "a=b"]})
    assert link.startswith("#errors?")
    assert parse_qs(link.removeprefix("#errors?")) == {
        "kind": ["type", "both"],
        "gold": ["per"],
        "pred": ["org & co"],
        "slice.length": ["1-9", "a=b"],
    }
    assert errors_link() == "#errors?"


def test_the_section_says_how_many_are_wrong() -> None:
    right = replace(SENTENCE, pairs=(), confidence=())
    section = errors_section([SENTENCE, right], n_sentences=1_234)
    assert section.id == "errors"
    assert "1 of 1,234 sentences" in section.html
    assert "2 errors in all" in section.html
