"""What a server counts, for Prometheus; each server has a registry of its own."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_PIECES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 16_384)


class Metrics:
    """Counters, gauges and histograms of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "nomina_requests", "Requests answered, by route and status.", ["route", "status"], registry=self.registry
        )
        self._request_s = Histogram(
            "nomina_request_seconds",
            "Seconds from a request's first byte to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._queue = Gauge(
            "nomina_queue_words", "Words of requests that wait or are being labelled.", registry=self.registry
        )
        self._pieces = Histogram(
            "nomina_batch_pieces", "Word pieces of a batch.", buckets=_PIECES, registry=self.registry
        )
        self._batch_s = Histogram(
            "nomina_batch_seconds", "Seconds to label a batch.", buckets=_SECONDS, registry=self.registry
        )
        self._words = Counter("nomina_words", "Words labelled.", registry=self.registry)
        self._errors = Counter(
            "nomina_prediction_errors", "Sentences, or documents, that could not be labelled.", registry=self.registry
        )

    def watch_queue(self, n_words: Callable[[], float]) -> None:
        """Say how to find the words in the queue."""
        self._queue.set_function(n_words)

    def request_done(self, route: str, status: int, seconds: float) -> None:
        """A request was answered.

        Args:
            route: Path of the route, not of the request: there are few of them.
            status: HTTP status.
            seconds: From its first byte to the end of its answer.
        """
        self._requests.labels(route, str(status)).inc()
        self._request_s.labels(route).observe(seconds)

    def batch_done(self, n_words: int, seconds: float) -> None:
        """A batch was labelled."""
        self._words.inc(n_words)
        self._batch_s.observe(seconds)

    def batch_begun(self, n_pieces: int) -> None:
        """A batch was cut into word pieces."""
        self._pieces.observe(n_pieces)

    def prediction_failed(self) -> None:
        """A unit could not be labelled."""
        self._errors.inc()

    def exposition(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self.registry)
