"""Servers with an untrained model, and a browser that looks at their page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from frontpage import FrontPage
from visits import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from nomina.inference import Predictor

TOKEN = "s3cret-token"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser) -> Iterator[FrontPage]:
    visits = FrontPage(browser)
    yield visits
    for context in visits.contexts:
        context.close()
    visits.check()


@pytest.fixture(scope="session")
def labeller(encoder_folder: Callable[[str], Path]) -> Predictor:
    """Its labels are random but depend on the words; it reads POS tags, and finds them itself where there are none."""
    import torch

    from nomina.encoding.tokenizers import load_tokenizer
    from nomina.inference import Predictor
    from taggers import make_tagger

    folder = encoder_folder("bert-uncased")
    tagger = make_tagger(folder, pos_source="joint")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.nn.init.normal_(tagger.head.classifier.weight)
    tagger.train(False)
    return Predictor.of(tagger, load_tokenizer(str(folder)))


@pytest.fixture(scope="module")
def port(labeller: Predictor) -> Iterator[int]:
    """Of a server with settings as they are by default."""
    pytest.importorskip("fastapi", reason="needs the extra nomina[serve]")
    from nomina.serving.app import create_app
    from servers import running

    with running(create_app(labeller)) as port:
        yield port


@pytest.fixture(scope="module")
def small_port(labeller: Predictor) -> Iterator[int]:
    """Of a server that takes 60 words or 2,000 bytes at once."""
    from nomina.serving.app import create_app
    from nomina.serving.settings import Limits, ServeSettings
    from servers import running

    limits = Limits(max_words=60, max_body_bytes=2_000, max_queue=1_000)
    with running(create_app(labeller, ServeSettings(limits=limits))) as port:
        yield port


@pytest.fixture(scope="module")
def guarded_port(labeller: Predictor) -> Iterator[int]:
    """Of a server that asks for ``TOKEN``."""
    from nomina.serving.app import create_app
    from nomina.serving.settings import ServeSettings
    from servers import running

    with running(create_app(labeller, ServeSettings(token=TOKEN))) as port:
        yield port
