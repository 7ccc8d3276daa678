from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.encoding.batches import collate
from nomina.encoding.vocabulary import UNKNOWN, Vocabulary
from nomina.encoding.windows import IGNORE, Windows, encode, window_borders
from nomina.encoding.word_pieces import WordPieces
from strategies import WORDS, sentences_of

MakeWordPieces = Callable[[str], WordPieces]
SIX_SENTENCES = [list(sentence.words) for sentence in read("sample")[:6]]


class SizedWords:
    """Stands in for ``WordPieces``: the word ``"3"`` has three pieces; all pieces of a corpus differ."""

    prefix = (1001, 1002)
    suffix = (1003,)
    pad_id = 0

    def __call__(self, words: list[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        offsets = np.cumsum([0, *map(int, words)])
        return np.arange(offsets[-1], dtype=np.int32), offsets


def encode_sizes(sizes: Sequence[Sequence[int]], room: int) -> Windows:
    sentences = [Sentence(tuple(map(str, row))) for row in sizes]
    return encode(sentences, cast("WordPieces", SizedWords()), max_pieces=room + 3)


def numbered(sentences: Sequence[Sequence[str]]) -> tuple[list[Sentence], dict[str, Vocabulary], Vocabulary]:
    """Sentences in which each word of the corpus has a POS tag and a label of its own: its number."""
    result: list[Sentence] = []
    total = 0
    for words in sentences:
        numbers = tuple(str(total + i) for i in range(len(words)))
        total += len(words)
        result.append(Sentence(tuple(words), {"pos": numbers}, numbers))
    every = tuple(map(str, range(total)))
    return result, {"pos": Vocabulary((UNKNOWN, *every), unknown=0)}, Vocabulary(every or ("O",))


def check_alignment(sentences: Sequence[Sequence[str]], cutter: WordPieces, max_pieces: int) -> None:
    """Encode, collate, and find each word again at its place with its own POS tag and label."""
    records, features, labels = numbered(sentences)
    windows = encode(records, cutter, max_pieces=max_pieces, features=features, labels=labels)
    words = [word for sentence in sentences for word in sentence]
    pieces, offsets = cutter(words)
    assert windows.n_words == len(words)
    assert windows.n_sentences == len(sentences)
    assert (np.diff(windows.piece_offsets) >= 1).all()
    assert (windows.lengths <= max_pieces).all()
    kept = [word for _, _, first, last in windows.spans.tolist() for word in range(first, last)]
    assert kept == list(range(len(words)))
    sentence_of = np.repeat(np.arange(len(sentences)), [len(sentence) for sentence in sentences])
    if not words:
        assert len(windows) == 0
        return
    batch = collate(windows, range(len(windows)))
    for row, (start, end, first, last) in enumerate(windows.spans.tolist()):
        assert start <= first < last <= end
        assert sentence_of[start] == sentence_of[end - 1]
        shown = np.arange(start, end)
        positions = batch["first_pieces"][row, : end - start]
        assert batch["input_ids"][row, positions].tolist() == pieces[offsets[shown]].tolist()
        assert batch["attention_mask"][row, positions].all()
        assert batch["feature_ids"][row, : end - start, 0].tolist() == (shown + 1).tolist()
        expected = [word if first <= word < last else IGNORE for word in shown.tolist()]
        assert batch["labels"][row, : end - start].tolist() == expected
        assert (batch["labels"][row, end - start :] == IGNORE).all()


@pytest.mark.parametrize("architecture", ["bert-cased", "bert-uncased", "roberta", "deberta-v3"])
@settings(deadline=None, max_examples=100)
@given(sentences=sentences_of(WORDS), max_pieces=st.integers(3, 24) | st.just(512))
def test_any_words_keep_their_place(
    architecture: str, sentences: list[list[str]], max_pieces: int, word_pieces: MakeWordPieces
) -> None:
    check_alignment(sentences, word_pieces(architecture), max_pieces)


@pytest.mark.parametrize("architecture", ["bert-cased", "roberta", "deberta-v3", "modernbert", "minilm"])
@pytest.mark.parametrize("max_pieces", [3, 4, 16, 512])
def test_the_sample_keeps_its_place(architecture: str, max_pieces: int, word_pieces: MakeWordPieces) -> None:
    check_alignment([*SIX_SENTENCES, [], list(chain(*SIX_SENTENCES))], word_pieces(architecture), max_pieces)


@settings(deadline=None, max_examples=300)
@given(
    sizes=st.lists(st.lists(st.integers(1, 3) | st.integers(1, 25), max_size=60), max_size=3), room=st.integers(1, 24)
)
def test_each_word_belongs_to_the_window_with_most_context(sizes: list[list[int]], room: int) -> None:
    """Of all windows that show a word, its own has the largest min(pieces to the left, pieces to the right).

    A side that ends where the sentence does is not cut off and counts as unlimited.
    """
    windows = encode_sizes(sizes, room)
    offsets, borders = windows.piece_offsets, set(windows.sentence_offsets.tolist())

    def context(window: tuple[int, int, int, int], word: int) -> float:
        start, end, _, _ = window
        left = np.inf if start in borders else offsets[word] - offsets[start]
        right = np.inf if end in borders else offsets[end] - offsets[word + 1]
        return float(min(left, right))

    spans = [(a, b, c, d) for a, b, c, d in windows.spans.tolist()]
    for word in range(windows.n_words):
        [own] = [span for span in spans if span[2] <= word < span[3]]
        assert context(own, word) == max(context(span, word) for span in spans if span[0] <= word < span[1])


@settings(deadline=None, max_examples=300)
@given(sizes=st.lists(st.integers(1, 3) | st.integers(1, 25), min_size=1, max_size=80), room=st.integers(1, 24))
def test_windows_are_full_and_overlap_by_a_quarter_at_most(sizes: list[int], room: int) -> None:
    windows = encode_sizes([sizes], room)
    offsets, spans = windows.piece_offsets, windows.spans.tolist()
    assert (offsets[-1] <= room) == (len(spans) == 1)
    assert (spans[0][0], spans[-1][1]) == (0, len(sizes))
    for start, end, _, _ in spans[:-1]:
        assert offsets[end + 1] - offsets[start] > room
    for (_, end, _, _), (start, after, _, _) in pairwise(spans):
        assert 0 <= offsets[end] - offsets[start] <= room // 4
        assert after > end  # each window shows words that the one before it does not
    assert windows.n_cut_words == sum(size > room for size in sizes)


def test_words_of_one_piece_overlap_by_exactly_a_quarter() -> None:
    windows = encode_sizes([[1] * 30], room=16)
    assert windows.spans.tolist() == [[0, 16, 0, 14], [12, 28, 14, 26], [24, 30, 26, 30]]


def test_a_long_word_does_not_multiply_windows() -> None:
    windows = encode_sizes([[1] * 500 + [510] + [1] * 500], room=510)
    assert windows.spans.tolist() == [[0, 500, 0, 500], [500, 501, 500, 501], [501, 1001, 501, 1001]]


def test_a_window_that_is_best_for_no_word_is_left_out() -> None:
    windows = encode_sizes([[1, 2, 1, 1, 10, 3, 1, 4, 1, 1, 18, 1]], room=24)  # the words 6 to 9 would be one
    assert windows.spans.tolist() == [[0, 9, 0, 8], [7, 11, 8, 11], [11, 12, 11, 12]]


def test_a_word_longer_than_a_window_shows_its_beginning() -> None:
    windows = encode_sizes([[2, 7, 3], [5]], room=5)
    assert windows.n_cut_words == 1
    assert windows.pieces.tolist() == [0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16]
    assert windows.piece_offsets.tolist() == [0, 2, 7, 10, 15]
    assert windows.spans[:, 2:].tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]
    assert windows.lengths.max() == 8


def test_a_word_of_many_pieces_is_labelled(word_pieces: MakeWordPieces) -> None:
    words = ["Paris", "x" * 2_000, "Turkey"]
    windows = encode([Sentence(tuple(words))], word_pieces("roberta"), max_pieces=16)
    assert windows.n_cut_words == 1
    check_alignment([words], word_pieces("roberta"), 16)


def test_missing_and_unseen_values() -> None:
    sentences = [
        Sentence(("1", "1"), {"pos": ("NN", "ZZ"), "case": ("low", "up")}, ("O", "B-new")),
        Sentence(("1",), {"case": ("up",)}),
        Sentence(()),
        Sentence(("1",), {"pos": ("VB",)}, ("B-per",)),
    ]
    features = {
        "pos": Vocabulary((UNKNOWN, "NN", "VB"), unknown=0),
        "case": Vocabulary((UNKNOWN, "up", "low"), unknown=0),
    }
    labels = Vocabulary(("O", "B-per"))
    cutter = cast("WordPieces", SizedWords())
    windows = encode(sentences, cutter, max_pieces=8, features=features, labels=labels)
    assert windows.features.tolist() == [[1, 2], [0, 1], [0, 1], [2, 0]]
    assert windows.labels.tolist() == [0, IGNORE, IGNORE, 1]
    assert windows.sentence_offsets.tolist() == [0, 2, 3, 3, 4]
    assert windows.features.dtype == windows.labels.dtype == np.int32
    bare = encode(sentences, cutter, max_pieces=8)
    assert bare.features.shape == (4, 0)
    assert set(bare.labels.tolist()) == {IGNORE}


@settings(deadline=None)
@given(
    sizes=st.lists(st.lists(st.integers(1, 3) | st.integers(1, 25), max_size=20), max_size=3), room=st.integers(1, 24)
)
def test_used_pieces_are_what_batches_can_show(sizes: list[list[int]], room: int) -> None:
    windows = encode_sizes(sizes, room)
    shown = {windows.pad_id, *windows.prefix, *windows.suffix}
    if len(windows):
        shown |= set(collate(windows, range(len(windows)))["input_ids"].flatten().tolist())
    assert windows.used_pieces.tolist() == sorted(shown)
    assert windows.used_pieces.dtype == np.int32


@pytest.mark.parametrize("architecture", ["bert-cased", "roberta", "deberta-v3", "modernbert"])
def test_used_pieces_of_the_sample(architecture: str, word_pieces: MakeWordPieces) -> None:
    sentences = [*map(Sentence, map(tuple, SIX_SENTENCES)), Sentence(tuple(chain(*SIX_SENTENCES)))]
    windows = encode(sentences, word_pieces(architecture), max_pieces=16)
    batch = collate(windows, range(len(windows)))
    assert not batch["attention_mask"].all()  # so the padding piece is shown
    assert windows.used_pieces.tolist() == sorted(set(batch["input_ids"].flatten().tolist()))


def test_no_room_for_a_word() -> None:
    assert len(encode_sizes([[1]], room=1)) == 1
    with pytest.raises(ValueError, match="max_pieces must be at least 4, got 3"):
        encode_sizes([[1]], room=0)


def in_documents(sizes: Sequence[Sequence[int]], documents: Sequence[str | None], room: int) -> Windows:
    sentences = [Sentence(tuple(map(str, row)), document=d) for row, d in zip(sizes, documents, strict=True)]
    return encode(sentences, cast("WordPieces", SizedWords()), max_pieces=room + 3, document_context=True)


def test_sentences_of_a_document_share_a_window() -> None:
    sizes = [[1, 2], [], [3], [1, 1], [2], [2]]
    windows = in_documents(sizes, ["a", "a", "a", "b", None, None], room=10)
    # Words 0 to 2 are document a, 3 and 4 document b; what has no document stands alone.
    assert windows.spans.tolist() == [[0, 3, 0, 3], [3, 5, 3, 5], [5, 6, 5, 6], [6, 7, 6, 7]]
    batch = collate(windows, [0])
    assert batch["input_ids"].tolist() == [[1001, 1002, 0, 1, 2, 3, 4, 5, 1003]]  # nothing between the sentences
    assert batch["first_pieces"].tolist() == [[2, 3, 5]]
    assert batch["sentence_borders"].tolist() == [[1, 2, 3]]


def test_documents_of_different_files_do_not_mix() -> None:
    sentences = [Sentence(("1",), document="1", source=source) for source in ("a", "a", "b")]
    windows = encode(sentences, cast("WordPieces", SizedWords()), max_pieces=9, document_context=True)
    assert windows.spans[:, :2].tolist() == [[0, 2], [2, 3]]


@given(
    sizes=st.lists(st.lists(st.integers(1, 5), max_size=8), max_size=12),
    documents=st.lists(st.sampled_from([None, "a", "b"]), min_size=12, max_size=12),
    room=st.integers(5, 20),
)
def test_document_windows_cut_a_document_as_one_long_sentence(
    sizes: list[list[int]], documents: list[str | None], room: int
) -> None:
    windows = in_documents(sizes, documents[: len(sizes)], room)
    assert windows.lengths.max(initial=0) <= room + 3
    joined: list[list[int]] = []
    before: str | None = None
    for row, document in zip(sizes, documents, strict=False):
        if joined and document is not None and document == before:
            joined[-1] += row
        else:
            joined.append(list(row))
        before = document
    expected = encode_sizes(joined, room)
    assert windows.spans.tolist() == expected.spans.tolist()
    assert windows.sentence_offsets.tolist() == [0, *np.cumsum([len(row) for row in sizes]).tolist()]


def test_shape_is_computed_from_the_words(word_pieces: MakeWordPieces) -> None:
    shapes = Vocabulary.of_feature([("Xx", "x")])
    sentence = Sentence(("Anna", "saw", "NATO"), {"shape": ("x", "x", "x")})  # a column of that name is not read
    windows = encode([sentence], word_pieces("bert-cased"), max_pieces=20, features={"shape": shapes})
    assert windows.features[:, 0].tolist() == [shapes.id("Xx"), shapes.id("x"), 0]


@given(sizes=st.lists(st.lists(st.integers(1, 5), max_size=20), max_size=6), room=st.integers(5, 20))
def test_borders_are_where_neighbouring_words_come_from_two_windows(sizes: list[list[int]], room: int) -> None:
    windows = encode_sizes(sizes, room)
    window_of = np.repeat(np.arange(len(windows)), windows.spans[:, 3] - windows.spans[:, 2])
    offsets = windows.sentence_offsets
    expected = [
        tuple(i for i in range(1, len(row)) if window_of[start + i - 1] != window_of[start + i])
        for row, start in zip(sizes, offsets.tolist(), strict=False)
    ]
    assert window_borders(windows) == expected
    assert all(borders == () for borders, row in zip(expected, sizes, strict=True) if sum(row) <= room)


@given(
    sizes=st.lists(st.lists(st.just(1), max_size=12), max_size=8),
    documents=st.lists(st.sampled_from(["a", "b"]), min_size=8, max_size=8),
    room=st.integers(4, 12),
)
def test_borders_of_documents(sizes: list[list[int]], documents: list[str], room: int) -> None:
    """A border between two sentences of a document is one of both; between two documents there is none."""
    windows = in_documents(sizes, documents[: len(sizes)], room)
    window_of = np.repeat(np.arange(len(windows)), windows.spans[:, 3] - windows.spans[:, 2]).tolist()
    # Neighbouring sentences, empty ones among them, of one document are one run.
    run_of = np.cumsum([0] + [a != b for a, b in pairwise(documents)]).tolist()
    runs = [run for run, row in zip(run_of, sizes, strict=False) for _ in row]
    cut = {i for i in range(1, len(runs)) if window_of[i - 1] != window_of[i] and runs[i - 1] == runs[i]}
    bounds = list(pairwise(windows.sentence_offsets.tolist()))
    expected = [tuple(i - start for i in range(start, end + 1) if i in cut and end > start) for start, end in bounds]
    assert window_borders(windows) == expected
