"""The pages for people: the front page and the description of the interface, all of it from this machine."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

__all__ = ["POLICY", "add_docs", "add_page"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the pages: nothing from elsewhere, nothing inline."""

_PAGE = Path(__file__).with_name("page")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}

_DOCS_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>nomina: the interface</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_DOCS_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true});\n'
# Swagger UI sets styles of its own from its script.
_DOCS_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


def add_page(app: FastAPI) -> None:
    """Serve the front page at ``/`` and its files beside it."""
    for file in sorted(_PAGE.glob("*.*")):
        if file.suffix in _TYPES:
            path = "/" if file.name == "index.html" else f"/{file.name}"
            _add_file(app, path, file.read_bytes(), _TYPES[file.suffix], POLICY)


def add_docs(app: FastAPI, description: dict[str, Any]) -> None:
    """Serve a description of the interface at ``/openapi.json``, and Swagger UI for it at ``/docs``.

    Swagger UI comes from the files of an installed package instead of a network of others.

    Args:
        app: The application.
        description: As OpenAPI has it.
    """
    _add_file(app, "/openapi.json", json.dumps(description).encode(), _TYPES[".json"], POLICY)
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "static"
    _add_file(app, "/docs", _DOCS_PAGE.encode(), _TYPES[".html"], _DOCS_POLICY)
    _add_file(app, "/docs/start.js", _DOCS_START.encode(), _TYPES[".js"], _DOCS_POLICY)
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "favicon.png"):
        _add_file(app, f"/docs/{name}", (folder / name).read_bytes(), _TYPES[Path(name).suffix], _DOCS_POLICY)


def _add_file(app: FastAPI, path: str, content: bytes, media_type: str, policy: str) -> None:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": policy}

    async def serve(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)

    app.add_route(path, serve, methods=["GET"], include_in_schema=False)
