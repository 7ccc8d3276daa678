"""The application: routes, each a few lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from nomina import __version__
from nomina.inference import Predictor
from nomina.serving.errors import RequestError
from nomina.serving.metrics import CONTENT_TYPE
from nomina.serving.middleware import Envelope, error_body
from nomina.serving.openapi import description_of, error_answers
from nomina.serving.pages import add_docs, add_page
from nomina.serving.schema import ModelInfo, PredictAnswer, State
from nomina.serving.service import Service
from nomina.serving.settings import ServeSettings

__all__ = ["create_app"]

_JSON = "application/json"


def create_app(predictor: Predictor, settings: ServeSettings | None = None) -> FastAPI:
    """The server's application.

    Its state holds ``settings``, ``batcher`` (the queue) and ``metrics``.

    Args:
        predictor: The model.
        settings: How the server behaves.
    """
    settings = settings or ServeSettings()
    service = Service(predictor, settings)

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


def _add_routes(app: FastAPI, service: Service) -> None:
    guard = [Depends(service.check_token)]

    @app.post(
        "/predict",
        response_model=PredictAnswer,
        responses=error_answers(401, 408, 413, 415, 422, 503, 504),
        dependencies=guard,
    )
    async def predict(request: Request) -> Response:
        """Find the entities of a text, of a sentence given as words, or of many of these."""
        return Response(await service.predict(request), media_type=_JSON)

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
