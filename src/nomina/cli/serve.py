"""``nomina serve``: a model behind HTTP, with a page to try it."""

from __future__ import annotations

import ipaddress
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from nomina.cli.console import Output
from nomina.cli.options import Quiet
from nomina.errors import ConfigError, MissingExtraError

__all__ = ["EXAMPLES", "TOKEN_VARIABLE", "serve"]

EXAMPLES = (
    "nomina serve runs/demo",
    "nomina serve gmb-model --port 9000 --token-file token.txt --cors https://example.org",
    "nomina serve gmb-model --max-words 2000 --max-queue 20000 --timeout 10",
)

TOKEN_VARIABLE = "NOMINA_TOKEN"  # noqa: S105 - the name of a variable
_PACKAGES = ("fastapi", "uvicorn", "httptools", "prometheus_client", "spacy")
_LIMITS = "Limits"
_BATCHES = "Batches"


def serve(
    *,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.", show_default=False)],
    host: Annotated[str, typer.Option("--host", help="Address to listen at; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help=f"File with a token that clients must show; else the variable {TOKEN_VARIABLE}.",
            show_default=False,
        ),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            "--cors", metavar="ORIGIN", help="Whose pages may ask; repeatable; * for all.", show_default=False
        ),
    ] = None,
    tags: Annotated[
        Literal["auto", "source", "none"],
        typer.Option("--tags", help="Part-of-speech tags to read where a request does not say."),
    ] = "auto",
    language: Annotated[str, typer.Option("--language", help="Of texts, for cutting them: an ISO 639 code.")] = "en",
    max_body: Annotated[
        int, typer.Option("--max-body", min=1, metavar="BYTES", help="Largest body.", rich_help_panel=_LIMITS)
    ] = 1 << 20,
    max_words: Annotated[
        int, typer.Option("--max-words", min=1, metavar="N", help="Words of a request.", rich_help_panel=_LIMITS)
    ] = 10_000,
    max_queue: Annotated[
        int,
        typer.Option(
            "--max-queue", min=1, metavar="N", help="Words of all requests at a time.", rich_help_panel=_LIMITS
        ),
    ] = 50_000,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="Until an answer.", rich_help_panel=_LIMITS)
    ] = 30.0,
    batch_pieces: Annotated[
        int,
        typer.Option(
            "--batch-pieces",
            min=1,
            metavar="N",
            help="Word pieces that are labelled at once, about.",
            rich_help_panel=_BATCHES,
        ),
    ] = 1024,
    batch_wait_ms: Annotated[
        float,
        typer.Option(
            "--batch-wait-ms",
            metavar="MS",
            help="The longest wait for others to be labelled with.",
            rich_help_panel=_BATCHES,
        ),
    ] = 3.0,
    quiet: Quiet = False,
) -> None:
    """Answer requests over HTTP, with a page to try the model at /."""
    _check_extra()
    from nomina.inference import Predictor
    from nomina.serving.app import create_app
    from nomina.serving.server import bind, url_of
    from nomina.serving.server import serve as run
    from nomina.serving.settings import Limits, ServeSettings

    out = Output(quiet=quiet)
    settings = ServeSettings(
        token=_token(token_file),
        cors=tuple(cors or ()),
        limits=Limits(max_body_bytes=max_body, max_words=max_words, max_queue=max_queue, timeout_s=timeout),
        batch_pieces=batch_pieces,
        batch_wait_s=batch_wait_ms / 1000,
        tags=tags,
        language=language,
    )
    sock = bind(host, port)
    predictor = Predictor.load(model)
    if settings.token is None and not _is_local(host):
        out.say(f"warning: everybody who reaches {host} can use this server: it has no token (--token-file)")
    _log_to_stderr(quiet)

    def tell() -> None:
        out.say(f"serving {predictor}; Ctrl+C ends it")
        sys.stdout.write(url_of(sock) + "\n")
        sys.stdout.flush()

    run(create_app(predictor, settings), sock, tell)


def _check_extra() -> None:
    from importlib.util import find_spec

    for package in _PACKAGES:
        if find_spec(package) is None:
            raise MissingExtraError(package, "serve")


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN_VARIABLE)
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigError([f"--token-file: expected a text file, could not read {file}: {error}"]) from error


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _log_to_stderr(quiet: bool) -> None:
    """One line of JSON per request on standard error; only failures where it shall be quiet."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("nomina.serving")
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR if quiet else logging.INFO)
    logger.propagate = False
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
