"""What the routes share: the model, the queue, and the way of a request through them."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from nomina import __version__
from nomina.data.raw import sentences
from nomina.inference import Prediction, Predictor
from nomina.serving.answers import answer
from nomina.serving.batching import Batcher, Job
from nomina.serving.cutting import Work, cut_request
from nomina.serving.errors import RequestError, shown_faults
from nomina.serving.labelling import Labeller
from nomina.serving.limits import Bodies, gone
from nomina.serving.metrics import Metrics
from nomina.serving.schema import REQUEST, BatchRequest, LimitsInfo, ModelInfo, TextRequest, WordsRequest
from nomina.serving.settings import ServeSettings

__all__ = ["Service"]

Result = TypeVar("Result")

# Up to this size, work is done faster than it is handed to a thread.
_INLINE_BYTES = 4096
_INLINE_WORDS = 1000


class Service:
    """A model that is asked over HTTP.

    Args:
        predictor: The model.
        settings: How the server behaves.

    Raises:
        ConfigError: If texts of the language cannot be cut.
        MissingExtraError: If spaCy is missing, which cuts them.
    """

    def __init__(self, predictor: Predictor, settings: ServeSettings) -> None:
        sentences(
            "Ada wrote.", language=settings.language
        )  # what is wrong is said now; the first request need not wait
        self.predictor = predictor
        self.settings = settings
        self.metrics = Metrics()
        self.bodies = Bodies(settings.limits)
        self.batcher = Batcher(
            Labeller(predictor, self.metrics),
            self.metrics,
            batch_pieces=settings.batch_pieces,
            batch_wait_s=settings.batch_wait_s,
            max_words=settings.limits.max_queue,
        )
        self.model = _model_info(predictor, settings)

    async def check_token(self, request: Request) -> None:
        """Refuse who does not show the token, before anything of the body is read."""
        token = self.settings.token
        if token is None:
            return
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode(), token.encode()):
            message = "expected the header Authorization: Bearer TOKEN with the server's token"
            raise RequestError(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})

    async def predict(self, request: Request) -> bytes:
        """Read, cut, queue, answer."""
        self.batcher.check_room()
        with self.bodies.hold() as held:
            body = await self.bodies.read(request, held)
            work = await _aside(len(body) > _INLINE_BYTES, self._work, body)
            request.scope["nomina.words"] = work.n_words
            job = self.batcher.submit(work.units, work.tags)
            try:
                predictions = await self._wait(job, request)
            finally:
                self.batcher.withdraw(job)
            return await _aside(work.n_words > _INLINE_WORDS, _written, work, predictions)

    def _work(self, body: bytes) -> Work:
        wanted = _parse(body)
        return cut_request(
            wanted,
            self.predictor,
            tags=wanted.tags if "tags" in wanted.model_fields_set else self.settings.tags,
            language=self.settings.language,
            max_words=self.settings.limits.max_words,
        )

    async def _wait(self, job: Job, request: Request) -> list[Prediction]:
        """The job's predictions, unless the time is up or the client goes first."""
        leaving = asyncio.create_task(_left(request))
        try:
            await asyncio.wait(
                (job.future, leaving), timeout=self.settings.limits.timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            leaving.cancel()
        if job.future.done():
            return job.future.result()
        if leaving.done():
            raise gone()
        raise RequestError(
            504, "timeout", f"no answer within {self.settings.limits.timeout_s:g} s; send less at once, or later"
        )


async def _aside(is_large: bool, work: Callable[..., Result], *arguments: Any) -> Result:
    """Do what is large in another thread, so that others are answered meanwhile; the rest is done sooner here."""
    return await asyncio.to_thread(work, *arguments) if is_large else work(*arguments)


def _written(work: Work, predictions: list[Prediction]) -> bytes:
    return answer(work.items, predictions).model_dump_json().encode()


async def _left(request: Request) -> None:
    """Wait until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _parse(body: bytes) -> TextRequest | WordsRequest | BatchRequest:
    try:
        return REQUEST.validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestError(422, "wrong_request", shown_faults(faults)) from None


def _model_info(predictor: Predictor, settings: ServeSettings) -> str:
    limits = settings.limits
    scores, card = _read(predictor.folder, "scores.json"), _read(predictor.folder, "README.md")
    info = ModelInfo(
        name="model" if predictor.folder is None else predictor.folder.resolve().name,
        version=__version__,
        backend="torch" if hasattr(predictor.network, "model") else "onnx",
        encoder=predictor.settings.encoder_name or predictor.settings.encoder["model_type"],
        labels=list(predictor.labels),
        types=list(predictor.types),
        scheme=predictor.scheme.value,
        features={name: list(values.values[1:]) for name, values in predictor.features.items()},
        pos_source=predictor.pos_source,
        scores=None if scores is None else json.loads(scores),
        card=card,
        limits=LimitsInfo(
            max_body_bytes=limits.max_body_bytes,
            max_words=limits.max_words,
            max_queue=limits.max_queue,
            timeout_s=limits.timeout_s,
        ),
    )
    return info.model_dump_json()


def _read(folder: Path | None, name: str) -> str | None:
    if folder is not None:
        with suppress(OSError):
            return (folder / name).read_text(encoding="utf-8")
    return None
