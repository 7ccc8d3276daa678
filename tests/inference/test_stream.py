"""Streams: look-ahead windows, and predictions that do not depend on them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.encoding.tokenizers import load_tokenizer
from nomina.encoding.windows import Windows
from nomina.inference import Prediction, Predictor
from nomina.inference.stream import look_ahead
from taggers import make_tagger

CORPUS = read("sample")[:40].sentences


class FaultError(Exception):
    """What a reader may raise."""


def sized(n_words: int, document: str | None = None) -> Sentence:
    return Sentence(("w",) * n_words, document=document)


SENTENCES = st.builds(sized, st.integers(0, 6), st.sampled_from([None, "a", "b"]))


@given(records=st.lists(SENTENCES | st.integers()), n_words=st.integers(1, 12), keeps_documents=st.booleans())
def test_runs_hold_everything_in_order(records: list[Sentence | int], n_words: int, keeps_documents: bool) -> None:
    runs = list(look_ahead(records, n_words=n_words, keeps_documents=keeps_documents))
    assert [record for run in runs for record in run] == records
    assert all(runs)


@given(records=st.lists(SENTENCES), n_words=st.integers(1, 12))
def test_runs_end_with_the_record_that_fills_them(records: list[Sentence], n_words: int) -> None:
    for run in list(look_ahead(records, n_words=n_words))[:-1]:
        assert sum(map(len, run[:-1])) < n_words <= sum(map(len, run))


def test_documents_stay_together_up_to_a_size() -> None:
    records = [sized(3, "a"), sized(3, "a"), sized(3, "a"), sized(3, "b"), *[sized(3, "c")] * 30]
    runs = list(look_ahead(records, n_words=4, keeps_documents=True))
    assert [len(run) for run in runs[:2]] == [3, 11]  # the third document is cut at 32 words
    assert [len(run) for run in look_ahead(records[:4], n_words=4)] == [2, 2]


def test_what_came_before_a_fault_is_handed_over() -> None:
    def stream() -> Iterator[Sentence]:
        yield from CORPUS[:3]
        raise FaultError

    runs = look_ahead(stream(), n_words=10_000)
    assert next(runs) == list(CORPUS[:3])
    with pytest.raises(FaultError):
        next(runs)


@pytest.fixture(scope="module")
def predictor(tiny_bert: Path) -> Predictor:
    tagger = make_tagger(tiny_bert)
    return Predictor.of(tagger, load_tokenizer(str(tiny_bert)), batch_pieces=256)


@pytest.mark.parametrize("n_words", [1, 50, 10_000])
def test_a_stream_is_predicted_as_a_list_is(n_words: int, predictor: Predictor) -> None:
    expected = predictor.predict(CORPUS)
    assert isinstance(expected, list)
    records: list[Sentence | str] = [*CORPUS[:5], "kept", *CORPUS[5:], "last"]
    found = list(predictor.predict_stream(iter(records), n_words=n_words))
    assert (found[5], found[-1]) == ("kept", "last")
    predictions = [record for record in found if not isinstance(record, str)]
    assert [p.labels for p in predictions] == [p.labels for p in expected]
    assert [p.sentence for p in predictions] == list(CORPUS)


@pytest.mark.parametrize("n_done", [0, 1, 3, 17, 40, 41])
def test_a_stream_goes_on_where_it_came_to(n_done: int, predictor: Predictor) -> None:
    records: list[Sentence | str] = [*CORPUS[:5], "kept", *CORPUS[5:]]
    whole = list(predictor.predict_stream(records, n_words=60))
    rest = list(predictor.predict_stream(records, n_words=60, skip=n_done))
    assert rest == whole[n_done:]
    scores = [[[s.score for s in p.spans] for p in found if not isinstance(p, str)] for found in (whole[n_done:], rest)]
    assert scores[0] == scores[1]


def test_a_stream_is_read_only_as_far_as_needed(predictor: Predictor) -> None:
    n_read = 0

    def stream() -> Iterator[Sentence]:
        nonlocal n_read
        for sentence in CORPUS:
            n_read += 1
            yield sentence

    found = predictor.predict_stream(stream(), n_words=30)
    next(found)
    assert n_read < 6


def test_one_run_is_in_memory_at_a_time(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[list[weakref.ref[Prediction]]] = [[]]
    encode = Predictor.encode

    def next_run(self: Predictor, sentences: Sequence[Sentence]) -> Windows:
        assert not [one for one in runs[-1][:-1] if one() is not None]  # the last one is in the reader's hands
        runs.append([])
        return encode(self, sentences)

    monkeypatch.setattr(Predictor, "encode", next_run)
    for prediction in predictor.predict_stream(CORPUS, n_words=200):
        runs[-1].append(weakref.ref(prediction))
    assert len(runs) > 3
    assert sum(map(len, runs)) == len(CORPUS)


def test_threads_change_nothing(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    n_before = torch.get_num_threads()
    one = predictor.label(predictor.encode(CORPUS))
    monkeypatch.setattr(type(predictor.network), "n_threads", 3)
    three = predictor.label(predictor.encode(CORPUS))
    assert one.ids.tolist() == three.ids.tolist()
    assert one.probabilities == pytest.approx(three.probabilities, abs=1e-6)
    assert torch.get_num_threads() == n_before


def test_a_fault_in_a_thread_is_raised(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise FaultError

    monkeypatch.setattr(type(predictor.network), "n_threads", 2)
    monkeypatch.setattr(type(predictor.network), "score", fail)
    with pytest.raises(FaultError):
        predictor.predict(CORPUS)


def test_document_context_does_not_depend_on_the_run(encoder_folder: Callable[[str], Path]) -> None:
    folder = encoder_folder("bert-cased")
    predictor = Predictor.of(make_tagger(folder, context="document"), load_tokenizer(str(folder)))
    documents = [Sentence(s.words, s.features, document=str(i // 4)) for i, s in enumerate(CORPUS)]
    expected = predictor.predict(documents)
    assert isinstance(expected, list)
    for n_words in (30, 60, 10_000):
        found = list(predictor.predict_stream(documents, n_words=n_words))
        assert [p.labels for p in found] == [p.labels for p in expected]
