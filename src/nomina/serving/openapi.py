"""The description of the interface, where FastAPI cannot read it off the routes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nomina.serving.schema import BATCH_EXAMPLE, REQUEST, TEXT_EXAMPLE, WORDS_EXAMPLE, ErrorAnswer

__all__ = ["description_of", "error_answers"]

_REASONS = {
    401: "The token is missing or wrong.",
    408: "The body did not come in time.",
    413: "The body, or the number of words, is over the limit.",
    415: "The body is not JSON by its header.",
    422: "The body is not what was expected, or the tags do not fit the words or the model.",
    503: "The queue is full, or the server is about to end; Retry-After says when to come back.",
    504: "There was no answer in time; the request was given up.",
}
_EXAMPLES = {"a text": TEXT_EXAMPLE, "words with tags": WORDS_EXAMPLE, "many": BATCH_EXAMPLE}
_REF = "#/components/schemas/{model}"


def error_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Answers of a route that are errors, for its description."""
    return {status: {"model": ErrorAnswer, "description": _REASONS[status]} for status in statuses}


def description_of(app: FastAPI, *, needs_token: bool) -> dict[str, Any]:
    """The description of an application, with what is read by hand: the body of ``/predict``, and the token.

    Args:
        app: The application with all its routes.
        needs_token: Whether there is one.
    """
    description = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schema = REQUEST.json_schema(ref_template=_REF)
    components = description["components"]
    components["schemas"] |= schema.pop("$defs")
    predict = description["paths"]["/predict"]["post"]
    examples = {name: {"value": value} for name, value in _EXAMPLES.items()}
    predict["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }
    if needs_token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path in ("/predict", "/model", "/metrics"):
            for operation in description["paths"][path].values():
                operation["security"] = [{"token": []}]
    return description
