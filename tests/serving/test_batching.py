"""The queue by itself, with a worker that does what the test says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.records import Sentence
from nomina.inference import Prediction, TagUse
from nomina.serving.batching import Batcher, Job, Outcome, Unit
from nomina.serving.errors import RequestError
from nomina.serving.metrics import Metrics


def unit(*words: str, n_pieces: int = 10) -> Unit:
    return Unit((Sentence(words),), max(len(words), 1), n_pieces)


def texts(predictions: Sequence[Prediction]) -> list[str]:
    return [" ".join(prediction.sentence.words) for prediction in predictions]


class Worker:
    """Says of every sentence what it is; waits where it shall; knows what it was asked."""

    def __init__(self) -> None:
        self.batches: list[tuple[TagUse, list[str]]] = []
        self.may_go = threading.Event()
        self.may_go.set()
        self.error: Exception | None = None

    def __call__(self, units: Sequence[Unit], tags: TagUse) -> list[Outcome]:
        self.batches.append((tags, [" ".join(u.sentences[0].words) for u in units]))
        assert self.may_go.wait(20)
        if self.error is not None:
            raise self.error
        return [Outcome([Prediction(s, ("O",) * len(s), ()) for s in u.sentences]) for u in units]

    @property
    def words(self) -> list[list[str]]:
        return [batch for _, batch in self.batches]


def run(story: Callable[[Batcher, Worker], Awaitable[None]], **settings: Any) -> Worker:
    """A story with a queue that runs."""

    async def play() -> Worker:
        worker = Worker()
        batcher = Batcher(
            worker, Metrics(), **{"batch_pieces": 100, "batch_wait_s": 0.0, "max_words": 1000, **settings}
        )
        batcher.start()
        try:
            await asyncio.wait_for(story(batcher, worker), timeout=30)
        finally:
            worker.may_go.set()
            await batcher.stop()
        return worker

    return asyncio.run(play())


async def busy(batcher: Batcher, worker: Worker) -> Job:
    """A job that is being worked on until the worker may go."""
    worker.may_go.clear()
    job = batcher.submit([unit("first")], "auto")
    while not worker.batches:
        await asyncio.sleep(0.001)
    return job


def test_what_waits_is_labelled_together_and_dealt_back() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        await busy(batcher, worker)
        jobs = [batcher.submit([unit(f"{i}", str(k)) for k in range(i)], "auto") for i in range(4)]
        assert jobs[0].future.result() == []
        worker.may_go.set()
        for i, job in enumerate(jobs):
            assert texts(await job.future) == [f"{i} {k}" for k in range(i)]
        await batcher.finished()
        assert batcher.n_words == 0

    assert run(story).words == [["first"], ["1 0", "2 0", "3 0", "2 1", "3 1", "3 2"]]


def test_small_jobs_do_not_wait_for_a_large_one() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        await busy(batcher, worker)
        large = batcher.submit([unit(f"large{i}") for i in range(50)], "auto")
        small = [batcher.submit([unit(f"small{i}")], "auto") for i in range(3)]
        worker.may_go.set()
        assert [texts(await job.future) for job in small] == [["small0"], ["small1"], ["small2"]]
        assert not large.is_over
        assert texts(await large.future) == [f"large{i}" for i in range(50)]

    batches = run(story).words
    assert batches[1][:4] == ["large0", "small0", "small1", "small2"]
    assert [len(batch) for batch in batches] == [1, 10, 10, 10, 10, 10, 3]


def test_batches_keep_to_their_budget_but_for_a_unit_that_is_larger() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        await busy(batcher, worker)
        jobs = [batcher.submit([unit(name, n_pieces=n)], "auto") for name, n in (("a", 60), ("b", 60), ("c", 900))]
        worker.may_go.set()
        await asyncio.gather(*(job.future for job in jobs))

    assert run(story).words == [["first"], ["a"], ["b"], ["c"]]


def test_requests_that_differ_in_tags_do_not_mix() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        await busy(batcher, worker)
        uses: list[TagUse] = ["auto", "none", "auto", "none"]
        jobs = [batcher.submit([unit(f"{i}{use}")], use) for i, use in enumerate(uses)]
        worker.may_go.set()
        results = await asyncio.gather(*(job.future for job in jobs))
        assert [texts(result) for result in results] == [[f"{i}{use}"] for i, use in enumerate(uses)]

    assert run(story).batches[1:] == [("auto", ["0auto", "2auto"]), ("none", ["1none", "3none"])]


def test_what_nobody_waits_for_is_not_begun() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        running = await busy(batcher, worker)
        dropped = batcher.submit([unit("x", "y")] * 30, "auto")
        kept = batcher.submit([unit("kept")], "auto")
        assert batcher.n_words == 62
        batcher.withdraw(dropped)
        batcher.withdraw(dropped)
        assert batcher.n_words == 2
        batcher.withdraw(running)
        assert batcher.n_words == 2, "what is being labelled still counts"
        worker.may_go.set()
        assert texts(await kept.future) == ["kept"]
        assert batcher.n_words == 0

    assert run(story).words == [["first"], ["kept"]]


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        await busy(batcher, worker)
        batcher.submit([unit(*"abcdefgh")], "auto")
        with pytest.raises(RequestError, match="9 of at most 10 words") as caught:
            batcher.submit([unit("a", "b")], "auto")
        assert caught.value.status == 503
        assert 1 <= int(caught.value.headers["Retry-After"]) <= 60
        batcher.submit([unit("a")], "auto")
        with pytest.raises(RequestError):
            batcher.check_room()

    run(story, max_words=10)


def test_a_failed_batch_fails_its_jobs_and_no_others() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        worker.error = RuntimeError("out of memory")
        failed = batcher.submit([unit("a")] * 30, "auto")
        with pytest.raises(RuntimeError, match="out of memory"):
            await failed.future
        worker.error = None
        assert texts(await batcher.submit([unit("b")], "auto").future) == ["b"]
        assert batcher.n_words == 0

    assert len(run(story).batches) == 2, "what is left of a failed job is dropped"


def test_closed_it_finishes_what_it_took() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        first = await busy(batcher, worker)
        second = batcher.submit([unit("second")] * 25, "auto")
        batcher.close()
        with pytest.raises(RequestError, match="about to end"):
            batcher.submit([unit("third")], "auto")
        finished = asyncio.create_task(batcher.finished())
        await asyncio.sleep(0.01)
        assert not finished.done()
        worker.may_go.set()
        await finished
        assert first.is_over
        assert len(second.future.result()) == 25

    run(story)


def test_stopped_it_leaves_nobody_waiting() -> None:
    jobs = []

    async def story(batcher: Batcher, worker: Worker) -> None:
        await busy(batcher, worker)
        jobs.append(batcher.submit([unit("late")], "auto"))
        threading.Timer(0.05, worker.may_go.set).start()

    run(story)
    assert isinstance(jobs[0].future.exception(), RequestError)


def test_a_lone_client_never_waits_for_company() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        for _ in range(3):  # each would take 10 s, and all of them longer than a story may
            await batcher.submit([unit("a")], "auto").future

    assert len(run(story, batch_wait_s=10.0).batches) == 3


def test_where_others_were_a_moment_ago_their_work_is_waited_for() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        await busy(batcher, worker)
        jobs = [batcher.submit([unit(name)], "auto") for name in "ab"]
        worker.may_go.set()
        await asyncio.gather(*(job.future for job in jobs))
        later = [batcher.submit([unit("c")], "auto")]
        await asyncio.sleep(0.02)
        later.append(batcher.submit([unit("d")], "auto"))
        await asyncio.gather(*(job.future for job in later))

    assert run(story, batch_wait_s=0.5).words == [["first"], ["a", "b"], ["c", "d"]]


def test_nobody_is_waited_for_too_long() -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        await busy(batcher, worker)
        jobs = [batcher.submit([unit(name)], "auto") for name in "ab"]
        worker.may_go.set()
        await asyncio.gather(*(job.future for job in jobs))
        await batcher.submit([unit("c")], "auto").future

    assert run(story, batch_wait_s=0.05).words == [["first"], ["a", "b"], ["c"]]


@given(sizes=st.lists(st.lists(st.integers(1, 150), max_size=6), min_size=1, max_size=8), seed=st.randoms())
def test_every_unit_is_labelled_once_for_whom_it_is(sizes: list[list[int]], seed: Any) -> None:
    async def story(batcher: Batcher, worker: Worker) -> None:
        jobs = []
        for i, pieces in enumerate(sizes):
            jobs.append(batcher.submit([unit(f"{i}.{k}", n_pieces=n) for k, n in enumerate(pieces)], "auto"))
            if seed.random() < 0.3:
                await asyncio.sleep(0)
        for i, job in enumerate(jobs):
            assert texts(await job.future) == [f"{i}.{k}" for k in range(len(sizes[i]))]
        assert batcher.n_words == 0

    done = [name for batch in run(story).words for name in batch]
    assert sorted(done) == sorted(f"{i}.{k}" for i, pieces in enumerate(sizes) for k in range(len(pieces)))
