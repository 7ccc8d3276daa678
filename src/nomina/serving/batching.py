"""The queue: requests that arrive together are labelled together, none starves, none gets another's results."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from nomina.data.records import Sentence
from nomina.inference import Prediction, TagUse
from nomina.serving.errors import RequestError
from nomina.serving.metrics import Metrics

__all__ = ["Batcher", "Job", "Outcome", "Predict", "Unit"]

_SPEED_MEMORY = 0.8
_FIRST_SPEED = 1000.0  # words a second, until a batch was measured
_LONGEST_RETRY_S = 60.0


@dataclass(frozen=True)
class Unit:
    """Sentences that must be read together: one, or a document of a model that reads documents.

    Attributes:
        sentences: What to label.
        n_words: Its words, 1 or more: a sentence without any counts as one, because it costs something too.
        n_pieces: About as many word pieces as it has.
    """

    sentences: tuple[Sentence, ...]
    n_words: int
    n_pieces: int


class Outcome(NamedTuple):
    """What became of one unit: its predictions, or why there are none."""

    predictions: Sequence[Prediction]
    error: Exception | None = None


class Job:
    """The work of one request.

    Args:
        units: What to label.
        tags: Which part-of-speech tags to read.
        future: Gets the predictions of all sentences in order, or an exception.
    """

    def __init__(self, units: Sequence[Unit], tags: TagUse, future: asyncio.Future[list[Prediction]]) -> None:
        self.units = units
        self.tags: TagUse = tags
        self.future = future
        self.n_begun = 0
        self.n_done = 0
        self._results: list[Sequence[Prediction]] = [()] * len(units)

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for it any more: it is done, failed, timed out, or its client has gone."""
        return self.future.done()

    def deliver(self, index: int, outcome: Outcome) -> None:
        """Take what became of a unit; the last one, or the first that failed, settles the job."""
        self.n_done += 1
        if self.is_over:
            return
        if outcome.error is not None:
            self.future.set_exception(outcome.error)
            return
        self._results[index] = outcome.predictions
        if self.n_done == len(self.units):
            self.future.set_result([prediction for part in self._results for prediction in part])


class _Share(NamedTuple):
    """One unit of a batch, and whose it is."""

    job: Job
    place: int

    @property
    def unit(self) -> Unit:
        return self.job.units[self.place]


Predict = Callable[[Sequence[Unit], TagUse], list[Outcome]]
"""Labels units in the worker's thread; one outcome per unit."""


class Batcher:
    """Collects the units of many jobs into batches for one worker thread.

    Jobs take turns unit by unit, so that a small job goes into the next batch or the one after it, however large the
    others are. All methods belong to the event loop's thread; only ``predict`` runs in the worker's.

    Args:
        predict: Labels a batch.
        metrics: Is told what happens.
        batch_pieces: Word pieces of a batch; one unit may have more.
        batch_wait_s: The longest that work waits for company, in seconds.
        max_words: Words of all jobs that are not over.
    """

    def __init__(
        self, predict: Predict, metrics: Metrics, *, batch_pieces: int, batch_wait_s: float, max_words: int
    ) -> None:
        self.max_words = max_words
        self.n_words = 0
        """Words that wait or are being labelled."""
        self.is_open = False
        self._predict = predict
        self._metrics = metrics
        self._batch_pieces = batch_pieces
        self._batch_wait_s = batch_wait_s
        self._waiting: deque[Job] = deque()
        self._n_pieces = 0
        self._n_running = 0
        self._n_expected = 0
        self._words_per_s = _FIRST_SPEED
        self._arrived = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._task: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None
        metrics.watch_queue(lambda: self.n_words)

    def start(self) -> None:
        """Open the queue and start the worker."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nomina-predict")
        self._task = asyncio.create_task(self._work(self._thread))
        self.is_open = True

    def close(self) -> None:
        """Take no more jobs; those taken are finished."""
        self.is_open = False

    async def finished(self) -> None:
        """Wait until no job is left."""
        await self._emptied.wait()

    async def stop(self) -> None:
        """Close, and end the worker; jobs that are left fail."""
        self.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for job in self._waiting:
            if not job.is_over:
                job.future.set_exception(RequestError.busy("the server ends", 1))
        self._waiting.clear()
        if self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    def check_room(self, n_words: int = 1) -> None:
        """Refuse what cannot be taken now.

        Raises:
            RequestError: 503, if the queue is closed or has no room for so many words.
        """
        if not self.is_open:
            raise RequestError.busy("the server is about to end and takes no more requests", 1)
        if self.n_words + n_words > self.max_words:
            wait_s = min(_LONGEST_RETRY_S, self.n_words / self._words_per_s)
            raise RequestError.busy(
                f"{self.n_words:,} of at most {self.max_words:,} words are waiting already; try again later", wait_s
            )

    def submit(self, units: Sequence[Unit], tags: TagUse) -> Job:
        """Take a job.

        Args:
            units: What to label; none is done at once.
            tags: Which part-of-speech tags to read.

        Raises:
            RequestError: 503, if the queue is closed or has no room.
        """
        self.check_room(sum(unit.n_words for unit in units))
        job = Job(units, tags, asyncio.get_running_loop().create_future())
        if not units:
            job.future.set_result([])
            return job
        self.n_words += sum(unit.n_words for unit in units)
        self._n_pieces += sum(unit.n_pieces for unit in units)
        self._emptied.clear()
        self._waiting.append(job)
        self._arrived.set()
        return job

    def withdraw(self, job: Job) -> None:
        """Drop what has not begun of a job that nobody waits for any more."""
        job.future.cancel()
        if job in self._waiting:
            self._waiting.remove(job)
            self._release(job.units[job.n_begun :])
            self._n_pieces -= sum(unit.n_pieces for unit in job.units[job.n_begun :])
            job.n_begun = len(job.units)

    def _release(self, units: Sequence[Unit]) -> None:
        self.n_words -= sum(unit.n_words for unit in units)
        if not self._waiting and not self._n_running:
            self._emptied.set()

    async def _work(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._company()
            parts = self._take()
            self._n_running = sum(map(len, parts.values()))
            self._n_expected = 0
            for tags, batch in parts.items():
                start = monotonic()
                units = [share.unit for share in batch]
                try:
                    outcomes = await loop.run_in_executor(thread, self._predict, units, tags)
                except Exception as error:  # the queue goes on, whatever happens
                    outcomes = [Outcome((), error)] * len(batch)
                self._finish(batch, outcomes, monotonic() - start)

    async def _company(self) -> None:
        """Wait for work; then, where others were there a moment ago, a little for theirs.

        As many jobs are expected as were in the house when the last batch ended. A lone client is never kept waiting,
        and neither is anybody for longer than ``batch_wait_s``.
        """
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        if not self._batch_wait_s or len(self._waiting) >= self._n_expected:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._batch_wait_s
        alarm = loop.call_at(deadline, self._arrived.set)
        while len(self._waiting) < self._n_expected and self._n_pieces < self._batch_pieces and loop.time() < deadline:
            self._arrived.clear()
            await self._arrived.wait()
        alarm.cancel()

    def _take(self) -> dict[TagUse, list[_Share]]:
        """A batch: units of all jobs in turn, up to the budget of pieces; in parts, where requests differ in tags."""
        parts: dict[TagUse, list[_Share]] = {}
        room = self._batch_pieces
        while self._waiting:
            job = self._waiting[0]
            unit = job.units[job.n_begun]
            if unit.n_pieces > room and parts:
                break
            self._waiting.popleft()
            parts.setdefault(job.tags, []).append(_Share(job, job.n_begun))
            job.n_begun += 1
            room -= unit.n_pieces
            self._n_pieces -= unit.n_pieces
            if job.n_begun < len(job.units):
                self._waiting.append(job)
        return parts

    def _finish(self, batch: list[_Share], outcomes: list[Outcome], seconds: float) -> None:
        n_words = sum(share.unit.n_words for share in batch)
        for share, outcome in zip(batch, outcomes, strict=True):
            share.job.deliver(share.place, outcome)
            if outcome.error is not None:
                self.withdraw(share.job)
        self._n_expected = max(self._n_expected, len({id(share.job) for share in batch}.union(map(id, self._waiting))))
        self._n_running -= len(batch)
        self._release([share.unit for share in batch])
        speed = n_words / max(seconds, 1e-6)
        self._words_per_s = _SPEED_MEMORY * self._words_per_s + (1 - _SPEED_MEMORY) * speed
        self._metrics.batch_done(n_words, seconds)
