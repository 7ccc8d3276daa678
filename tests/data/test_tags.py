"""The tag state machine against seqeval, conlleval's rules and itself."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOBES, Entities
from seqeval.scheme import IOB2 as SEQEVAL_IOB2

from nomina.data.records import Span
from nomina.data.tags import (
    RepairPolicy,
    Scheme,
    allowed_borders,
    detect_scheme,
    read_spans,
    retag,
    split_tag,
    write_tags,
)
from nomina.errors import TagError

IOB_TAGS = ("O", "B-x", "I-x", "B-y", "I-y")
BIOES_TAGS = (*IOB_TAGS, "E-x", "S-x", "E-y", "S-y")
BILOU_TAGS = (*IOB_TAGS, "L-x", "U-x", "L-y", "U-y")


def triples(spans: list[Span]) -> list[tuple[str, int, int]]:
    return [(span.label, span.start, span.end) for span in spans]


def sequences(tags: tuple[str, ...], longest: int) -> list[tuple[str, ...]]:
    return [sequence for n in range(longest + 1) for sequence in product(tags, repeat=n)]


@st.composite
def sentences_of_spans(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Disjoint spans, often touching, and a sentence length that holds them."""
    spans, position = [], 0
    for label, gap, length in draw(
        st.lists(st.tuples(st.sampled_from(["per", "a-b"]), st.integers(0, 2), st.integers(1, 4)), max_size=6)
    ):
        start = position + gap
        position = start + length
        spans.append(Span(label, start, position))
    return spans, position + draw(st.integers(0, 2))


# The rules of conlleval.pl's startOfChunk and endOfChunk, one case each.
@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-NP I-NP B-VP B-NP I-NP O", [("NP", 0, 2), ("VP", 2, 3), ("NP", 3, 5)]),
        ("I-NP I-NP O I-NP", [("NP", 0, 2), ("NP", 3, 4)]),
        ("I-PER B-PER I-PER", [("PER", 0, 1), ("PER", 1, 3)]),
        ("B-PER I-LOC I-LOC", [("PER", 0, 1), ("LOC", 1, 3)]),
        ("O I-MISC E-MISC I-MISC", [("MISC", 1, 3), ("MISC", 3, 4)]),
        ("S-PER I-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("E-PER E-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("", []),
    ],
)
def test_reads_as_conlleval(tags: str, expected: list[tuple[str, int, int]]) -> None:
    assert triples(read_spans(tags.split()).spans) == expected


@pytest.mark.parametrize(("tags", "longest"), [(IOB_TAGS, 5), (BIOES_TAGS, 4)])
@pytest.mark.parametrize("scheme", list(Scheme))
def test_lenient_reading_is_seqevals_default_whatever_the_scheme(
    tags: tuple[str, ...], longest: int, scheme: Scheme
) -> None:
    for sequence in sequences(tags, longest):
        expected = [(label, start, end + 1) for label, start, end in get_entities(list(sequence))]
        assert triples(read_spans(sequence, scheme).spans) == expected, sequence


@pytest.mark.parametrize(
    ("scheme", "theirs", "tags", "longest"),
    [
        (Scheme.IOB2, SEQEVAL_IOB2, IOB_TAGS, 5),
        (Scheme.BIOES, IOBES, BIOES_TAGS, 4),
        (Scheme.BILOU, BILOU, BILOU_TAGS, 4),
    ],
)
def test_discard_is_seqevals_strict_mode(scheme: Scheme, theirs: type, tags: tuple[str, ...], longest: int) -> None:
    for sequence in sequences(tags, longest):
        entities = Entities([list(sequence)], theirs).entities[0]
        expected = [(entity.tag, entity.start, entity.end) for entity in entities]
        assert triples(read_spans(sequence, scheme, "discard").spans) == expected, sequence


@pytest.mark.parametrize("scheme", list(Scheme))
def test_valid_sequences_read_alike_under_every_policy(scheme: Scheme) -> None:
    policies: tuple[RepairPolicy, ...] = ("conlleval", "discard", "error")
    tags = {Scheme.BIOES: BIOES_TAGS, Scheme.BILOU: BILOU_TAGS}.get(scheme, IOB_TAGS)
    n_valid = 0
    for sequence in sequences(tags, 4):
        if read_spans(sequence, scheme).n_repairs == 0:
            n_valid += 1
            assert len({tuple(read_spans(sequence, scheme, policy).spans) for policy in policies}) == 1
        else:
            with pytest.raises(TagError, match=f"expected valid {scheme.value} tags"):
                read_spans(sequence, scheme, "error")
    assert n_valid > 30


@pytest.mark.parametrize("scheme", list(Scheme))
def test_valid_means_written_by_write_tags(scheme: Scheme) -> None:
    # A scheme has exactly one way to write given spans: a sequence is valid if and only if writing gives it back.
    tags = {Scheme.BIOES: BIOES_TAGS, Scheme.BILOU: BILOU_TAGS}.get(scheme, IOB_TAGS)
    for sequence in sequences(tags, 4):
        reading = read_spans(sequence, scheme)
        assert (write_tags(reading.spans, len(sequence), scheme) == sequence) == (reading.n_repairs == 0), sequence


@given(sentences_of_spans(), st.sampled_from(Scheme))
def test_written_spans_read_back(drawn: tuple[list[Span], int], scheme: Scheme) -> None:
    spans, n_words = drawn
    tags = write_tags(spans, n_words, scheme)
    assert len(tags) == n_words
    assert read_spans(tags, scheme, "error") == (spans, 0)


@given(sentences_of_spans(), st.sampled_from(Scheme), st.sampled_from(Scheme))
def test_retag_and_back(drawn: tuple[list[Span], int], one: Scheme, other: Scheme) -> None:
    tags = write_tags(*drawn, one)
    there, n_repairs = retag(tags, one, other)
    assert n_repairs == 0
    assert retag(there, other, one) == (tags, 0)


@given(st.lists(st.sampled_from(BIOES_TAGS)), st.sampled_from(Scheme), st.sampled_from(["conlleval", "discard"]))
def test_repaired_tags_are_valid(tags: list[str], scheme: Scheme, policy: RepairPolicy) -> None:
    repaired, _ = retag(tags, scheme, scheme, policy)
    assert retag(repaired, scheme, scheme, "error") == (repaired, 0)


def test_repairs_are_counted_by_place() -> None:
    assert read_spans(["O", "I-x", "I-x", "O", "I-y"]).n_repairs == 2
    assert read_spans(["B-x", "I-x", "O"], Scheme.BIOES).n_repairs == 1
    assert read_spans(["B-x", "E-x"], Scheme.IOB2).n_repairs == 1


@pytest.mark.parametrize(
    ("lines", "scheme"),
    [
        (["B-x I-x B-x", "O B-y"], Scheme.IOB2),
        (["I-x I-x B-x", "O I-y"], Scheme.IOB1),
        (["I-x I-x", "O I-y"], Scheme.IOB1),
        (["B-x E-x S-y"], Scheme.BIOES),
        (["O S-y", "O"], Scheme.BIOES),
        (["B-x L-x U-y"], Scheme.BILOU),
        (["U-y"], Scheme.BILOU),
        (["O O", ""], Scheme.IOB2),
        ([], Scheme.IOB2),
        (["B-x I-x"] * 99 + ["I-x O"], Scheme.IOB2),  # a fault does not make another scheme
        (["I-x I-x"] * 99 + ["B-x O"], Scheme.IOB1),
    ],
)
def test_detects_the_scheme(lines: list[str], scheme: Scheme) -> None:
    assert detect_scheme(line.split() for line in lines) is scheme


@given(st.lists(sentences_of_spans(), min_size=1), st.sampled_from(Scheme))
def test_detected_scheme_reads_without_repairs(drawn: list[tuple[list[Span], int]], scheme: Scheme) -> None:
    corpus = [write_tags(spans, n_words, scheme) for spans, n_words in drawn]
    detected = detect_scheme(corpus)
    assert sum(read_spans(tags, detected).n_repairs for tags in corpus) == 0 or scheme in (Scheme.BIOES, Scheme.BILOU)
    if any(tag[0] in "ESLU" for tags in corpus for tag in tags):
        assert detected is scheme


def test_two_schemes_at_once_are_refused() -> None:
    with pytest.raises(TagError, match=r"BIOES .* and of BILOU"):
        detect_scheme([["B-x", "E-x"], ["U-x"]])


@pytest.mark.parametrize("tag", ["", "o", "B", "B-", "-per", "PER", "X-per", "B_per", "NNP"])
def test_what_is_no_tag(tag: str) -> None:
    with pytest.raises(TagError, match="expected an entity tag"):
        split_tag(tag)
    with pytest.raises(TagError):
        detect_scheme([[tag]])


def test_labels_keep_their_hyphens() -> None:
    assert split_tag("B-creative-work") == ("B", "creative-work")
    assert (split_tag("L-per"), split_tag("U-per")) == (("E", "per"), ("S", "per"))


@pytest.mark.parametrize("spans", [[Span("x", 0, 2), Span("x", 1, 3)], [Span("x", 2, 4)], [Span("x", 1, 1)]])
def test_spans_must_fit(spans: list[Span]) -> None:
    with pytest.raises(ValueError, match="overlaps another or leaves"):
        write_tags(spans, 3)


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        (Scheme.IOB1, IOB_TAGS),
        (Scheme.IOB2, IOB_TAGS),
        (Scheme.BIOES, BIOES_TAGS),
        (Scheme.BILOU, BILOU_TAGS),
    ],
)
def test_sequences_of_allowed_borders_are_the_valid_ones(scheme: Scheme, tags: tuple[str, ...]) -> None:
    allowed = allowed_borders(tags, scheme)
    edge = len(tags)
    for sequence in sequences(tags, 3):
        ids = [edge, *map(tags.index, sequence), edge]
        is_allowed = all(allowed[a][b] for a, b in pairwise(ids))
        assert is_allowed == (read_spans(sequence, scheme).n_repairs == 0)
