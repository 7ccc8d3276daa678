"""``nomina serve`` as a process: it starts, is asked, is told to end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from commands import Result
from nomina.encoding.tokenizers import load_tokenizer
from nomina.inference import Predictor
from servers import Client, eventually
from taggers import make_tagger

pytestmark = pytest.mark.slow

TOKEN = "s3cret-of-the-test"


@pytest.fixture(scope="module")
def model(encoder_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "model"
    encoder = encoder_folder("bert-uncased")
    Predictor.of(make_tagger(encoder), load_tokenizer(str(encoder))).save(folder)
    return folder


class Served:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()
        assert self.url, process.communicate()[1]
        self.port = int(self.url.rpartition(":")[2])


@contextmanager
def serving(model: Path, *options: str, **environment: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "nomina", "serve", str(model), "--port", "0", *options]
    environ = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


def gauge(client: Client, name: str) -> float:
    """A number of ``/metrics``."""
    lines = client.ask("GET", "/metrics").body.decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def test_what_was_accepted_is_answered_before_the_end(model: Path) -> None:
    limits = {"max_body_bytes": 50_000, "max_words": 2000, "max_queue": 90_000, "timeout_s": 99.5}
    flags = ("--max-body", "--max-words", "--max-queue", "--timeout")
    options = [part for pair in zip(flags, map(str, limits.values()), strict=True) for part in pair]
    contents = [{"inputs": [{"words": [f"{i}", *"abcdefghij"] * 8}] * 20} for i in range(20)]
    with serving(model, *options, NOMINA_TOKEN=TOKEN) as served, ThreadPoolExecutor(20) as threads:
        assert served.url.startswith("http://127.0.0.1:")
        late, probe = Client(served.port, TOKEN), Client(served.port, TOKEN)
        assert Client(served.port).predict({"text": "a"}).status == 401
        assert late.predict({"text": "a"}).status == 200
        info = probe.ask("GET", "/model").json
        assert (info["name"], info["limits"]) == ("model", limits)

        futures = [threads.submit(Client(served.port, TOKEN).predict, content) for content in contents]
        eventually(lambda: gauge(probe, "nomina_queue_words") > 16_000)
        served.process.send_signal(signal.SIGTERM)
        eventually(lambda: Client(served.port).ask("GET", "/ready").status == 503)
        refused = late.predict({"text": "too late"})
        assert (refused.status, refused.json["error"]["kind"]) == (503, "busy")
        assert "retry-after" in refused.headers
        answers = [future.result() for future in futures]
        _, said = served.process.communicate(timeout=60)
        assert served.process.returncode == 0
    accepted = [(i, answer) for i, answer in enumerate(answers) if answer.status == 200]
    assert len(accepted) > 16_000 / 1760  # words of a request
    assert {answer.status for answer in answers} <= {200, 503}
    for i, answer in accepted:
        assert [result["sentences"][0]["words"][0] for result in answer.json["results"]] == [f"{i}"] * 20
    assert "serving Predictor(" in said
    assert said.count('"route": "/predict", "status": 200') == len(accepted) + 1
    assert TOKEN not in said


def test_memory_is_bounded_at_ten_times_the_load(model: Path, tmp_path: Path) -> None:
    content = {"inputs": [{"words": ["word"] * 50}] * 20}
    counts: dict[int, int] = {}
    lock = threading.Lock()
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    # Two requests fit into the queue; twenty clients want in, all the time.
    options = ["--quiet", "--max-queue", "2000", "--max-words", "1000", "--token-file", str(tmp_path / "token")]
    with serving(model, *options, NOMINA_TOKEN="other") as served:
        client = Client(served.port, TOKEN)
        for _ in range(5):
            assert client.predict(content).status == 200
        before = most = gauge(client, "process_resident_memory_bytes")

        def ask(_: int) -> None:
            own = Client(served.port, TOKEN)
            for _ in range(12):
                status = own.predict(content).status
                with lock:
                    counts[status] = counts.get(status, 0) + 1

        with ThreadPoolExecutor(20) as threads:
            asked = [threads.submit(ask, i) for i in range(20)]
            while not all(future.done() for future in asked):
                most = max(most, gauge(client, "process_resident_memory_bytes"))
                threading.Event().wait(0.05)
        for future in asked:
            future.result()
        served.process.send_signal(signal.SIGINT)
        assert served.process.communicate(timeout=60) == ("", "")
        assert served.process.returncode == 0
    assert counts.keys() == {200, 503}
    assert counts[503] > counts[200] > 0
    assert most - before < 64 << 20


def test_a_port_in_use(model: Path, run: Callable[..., Result]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", model, "--port", port)
    assert result.code == 2
    assert f"127.0.0.1:{port} cannot be had" in result.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--host", "no.such.host.invalid"], "expected a free address"),
        (["--token-file", "missing"], "expected a text file"),
        (["--cors", "example.org"], "expected an origin"),
        (["--max-words", 10, "--max-queue", 5], "expected room for the largest request"),
        (["--timeout", 0], "timeout_s: expected a number above 0"),
    ],
)
def test_settings_that_cannot_be(model: Path, run: Callable[..., Result], options: list[Any], told: str) -> None:
    result = run("serve", model, *options)
    assert result.code == 2
    assert told in result.err


def test_no_model(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("serve", tmp_path, "--port", 0)
    assert result.code == 2
    assert "expected a model folder" in result.err
