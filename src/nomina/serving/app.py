"""The application: routes, each a few lines."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from nomina import __version__
from nomina.inference import Predictor
from nomina.inference.prediction import Prediction
from nomina.serving.answers import answer
from nomina.serving.batching import Batcher, Job
from nomina.serving.cutting import Work, cut_request
from nomina.serving.errors import RequestError, shown_faults
from nomina.serving.labelling import Labeller
from nomina.serving.limits import Bodies, gone
from nomina.serving.metrics import CONTENT_TYPE, Metrics
from nomina.serving.middleware import Envelope, error_body
from nomina.serving.openapi import description_of, error_answers
from nomina.serving.pages import add_docs, add_page
from nomina.serving.schema import (
    REQUEST,
    BatchRequest,
    LimitsInfo,
    ModelInfo,
    PredictAnswer,
    State,
    TextRequest,
    WordsRequest,
)
from nomina.serving.settings import ServeSettings

__all__ = ["create_app"]

_INLINE_BYTES = 8192  # a body up to this size is cut faster than it is handed to a thread
_JSON = "application/json"


def create_app(predictor: Predictor, settings: ServeSettings | None = None) -> FastAPI:
    """The server's application.

    Its state holds ``settings``, ``batcher`` (the queue) and ``metrics``.

    Args:
        predictor: The model.
        settings: How the server behaves.
    """
    settings = settings or ServeSettings()
    service = _Service(predictor, settings)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        service.batcher.start()
        yield
        await service.batcher.stop()

    app = FastAPI(
        title="nomina",
        version=__version__,
        description="Named entities of texts and of sentences that are cut into words already.",
        lifespan=life,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings, app.state.batcher, app.state.metrics = settings, service.batcher, service.metrics
    _add_routes(app, service)
    add_page(app)
    add_docs(app, description_of(app, needs_token=settings.token is not None))
    app.add_exception_handler(RequestError, _on_request_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(Envelope, metrics=service.metrics)
    return app


class _Service:
    """What the routes share."""

    def __init__(self, predictor: Predictor, settings: ServeSettings) -> None:
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

    async def predict(self, request: Request) -> Response:
        """Read, cut, queue, answer."""
        self.batcher.check_room()
        with self.bodies.hold() as held:
            body = await self.bodies.read(request, held)
            work = await self._work(_parse(body), len(body))
            request.scope["nomina.words"] = work.n_words
            job = self.batcher.submit(work.units, work.tags)
            try:
                predictions = await self._wait(job, request)
            finally:
                self.batcher.withdraw(job)
            return Response(answer(work.items, predictions).model_dump_json(), media_type=_JSON)

    async def _work(self, wanted: TextRequest | WordsRequest | BatchRequest, n_bytes: int) -> Work:
        def cut() -> Work:
            return cut_request(
                wanted,
                self.predictor,
                tags=wanted.tags if "tags" in wanted.model_fields_set else self.settings.tags,
                language=self.settings.language,
                max_words=self.settings.limits.max_words,
            )

        return cut() if n_bytes <= _INLINE_BYTES else await asyncio.to_thread(cut)

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


def _add_routes(app: FastAPI, service: _Service) -> None:
    guard = [Depends(service.check_token)]

    @app.post(
        "/predict",
        response_model=PredictAnswer,
        responses=error_answers(401, 408, 413, 415, 422, 503, 504),
        dependencies=guard,
    )
    async def predict(request: Request) -> Response:
        """Find the entities of a text, of a sentence given as words, or of many of these."""
        return await service.predict(request)

    @app.get("/model", response_model=ModelInfo, responses=error_answers(401), dependencies=guard)
    async def model() -> Response:
        """What is served: labels, features, scores, the model's card, limits."""
        return Response(service.model, media_type=_JSON)

    @app.get("/health", response_model=State)
    async def health() -> Response:
        """Whether the process lives."""
        return Response('{"status":"ok"}', media_type=_JSON)

    @app.get("/ready", response_model=State, responses=error_answers(503))
    async def ready() -> Response:
        """Whether requests are taken: the model is loaded, the queue is open and has room."""
        service.batcher.check_room()
        return Response('{"status":"ready"}', media_type=_JSON)

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **error_answers(401)},
        dependencies=guard,
    )
    async def metrics() -> Response:
        """Counts and times, for Prometheus."""
        return Response(service.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})


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


async def _on_request_error(_: Request, error: Any) -> Response:
    return Response(error_body(error.kind, error.message), error.status, error.headers, _JSON)


async def _on_http_error(_: Request, error: Any) -> Response:
    """What the router refuses, in the form of all other errors."""
    kinds = {
        404: ("not_found", "there is nothing at this path; see /docs"),
        405: ("wrong_method", "this path takes another method"),
    }
    kind, message = kinds.get(error.status_code, ("refused", str(error.detail)))
    return Response(error_body(kind, message), error.status_code, error.headers, _JSON)
