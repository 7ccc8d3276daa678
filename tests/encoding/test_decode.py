from __future__ import annotations

import numpy as np
import pytest

from nomina.data.records import Sentence
from nomina.data.tags import Scheme
from nomina.encoding.decode import spans_of, tags_of


def test_tags_of_each_sentence() -> None:
    ids, offsets = np.array([0, 1, 2, 0, 1]), np.array([0, 3, 3, 4, 5])
    assert tags_of(ids, ["O", "B-per", "I-per"], offsets) == [("O", "B-per", "I-per"), (), ("O",), ("B-per",)]
    assert tags_of(np.array([], dtype=np.int64), ["O"], np.array([0])) == []


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        (Scheme.IOB2, ("B-per", "I-per", "O", "B-geo")),
        (Scheme.IOB1, ("I-per", "I-per", "O", "I-geo")),
        (Scheme.BIOES, ("B-per", "E-per", "O", "S-geo")),
        (Scheme.BILOU, ("B-per", "L-per", "O", "U-geo")),
    ],
)
def test_spans_with_offsets_and_scores(scheme: Scheme, tags: tuple[str, ...]) -> None:
    text = "Anna  Li\u00f1 saw\u00a0Paris"
    sentence = Sentence(("Anna", "Li\u00f1", "saw", "Paris"), text=text)
    person, place = spans_of(sentence, tags, scheme, np.array([0.9, 0.4, 1.0, 0.5], dtype=np.float32))
    assert (person.label, person.start, person.end) == ("per", 0, 2)
    assert (place.label, place.start, place.end) == ("geo", 3, 4)
    assert [text[span.start_char : span.end_char] for span in (person, place)] == ["Anna  Li\u00f1", "Paris"]
    assert person.score == pytest.approx((0.9 * 0.4) ** 0.5, abs=1e-6)
    assert place.score == pytest.approx(0.5, abs=1e-6)


def test_without_text_and_probabilities() -> None:
    [span] = spans_of(Sentence(("Anna", "left")), ("B-per", "O"), Scheme.IOB2)
    assert (span.score, span.start_char, span.end_char) == (None, None, None)


def test_a_probability_of_zero_is_a_score() -> None:
    [span] = spans_of(Sentence(("Anna",)), ("B-per",), Scheme.IOB2, np.zeros(1, dtype=np.float32))
    assert span.score == pytest.approx(0.0, abs=1e-9)


def test_an_orphan_begins_a_span_as_conlleval_reads_it() -> None:
    sentence = Sentence(("a", "b", "c"))
    spans = spans_of(sentence, ("I-per", "I-geo", "O"), Scheme.IOB2)
    assert [(span.label, span.start, span.end) for span in spans] == [("per", 0, 1), ("geo", 1, 2)]
