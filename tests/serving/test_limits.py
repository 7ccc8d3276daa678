"""What a server refuses, drops and bounds, asked over sockets by clients that no library would be."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from fastapi import FastAPI

from nomina.inference import Predictor
from nomina.serving.app import create_app
from nomina.serving.settings import Limits, ServeSettings
from servers import Client, eventually, parse, raw_exchange, running

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"words": ["Ada", "wrote"]}'


def app_with(predictor: Predictor, **limits: Any) -> FastAPI:
    return create_app(predictor, ServeSettings(limits=Limits(**{"read_timeout_s": 0.3, **limits})))


@pytest.fixture(scope="module")
def port(predictor: Predictor) -> Any:
    """Of a server that takes little, and not for long."""
    with running(app_with(predictor, max_body_bytes=1000, max_words=50)) as port:
        yield port


def test_a_length_over_the_limit_is_refused_unread(port: int) -> None:
    start = time.monotonic()
    answer = parse(raw_exchange(port, HEAD + b"Content-Length: 1000000000000\r\n\r\n{"))
    assert (answer.status, answer.json["error"]["kind"]) == (413, "too_large")
    assert answer.headers["connection"] == "close"
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999999", "1\r\nContent-Length: 2", "\u00b2"])
def test_lengths_that_are_none(port: int, length: str) -> None:
    received = raw_exchange(port, HEAD + f"Content-Length: {length}\r\n\r\n".encode() + BODY)
    assert parse(received).status == 400


def test_a_body_longer_than_it_says(port: int) -> None:
    request = HEAD + b"Content-Length: 10\r\n\r\n" + BODY
    assert parse(raw_exchange(port, request)).status == 400, "what is left of it is no request"


def test_a_body_shorter_than_it_says(port: int) -> None:
    start = time.monotonic()
    answer = parse(raw_exchange(port, HEAD + b"Content-Length: 900\r\n\r\n" + BODY))
    assert (answer.status, answer.json["error"]["kind"]) == (408, "slow")
    assert time.monotonic() - start < 10


def test_two_ways_to_say_the_length(port: int) -> None:
    both = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert parse(raw_exchange(port, HEAD + both + b"5\r\nhello\r\n0\r\n\r\n")).status == 400


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def test_a_body_in_chunks(port: int) -> None:
    head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = parse(raw_exchange(port, head, chunked(BODY[:5]), chunked(BODY[5:], b""), pause_s=0.02))
    assert answer.status == 200
    assert answer.json["results"][0]["sentences"][0]["words"] == ["Ada", "wrote"]


def test_chunks_without_end_are_refused_when_they_are_too_many(port: int) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 1 << 30:
                sock.sendall(chunked(b" " * 4096))
                sent += 4096
        except OSError:
            pass
    assert sent < 64 << 20

    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b" " * 1001))
        assert b"413 " in sock.recv(65536)


def test_a_body_that_drips(port: int) -> None:
    start = time.monotonic()
    drops = [HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY), *(BODY[i : i + 1] for i in range(len(BODY)))]
    answer = parse(raw_exchange(port, *drops, pause_s=0.05))
    assert answer.status == 408
    assert time.monotonic() - start < 10


def test_headers_that_drip(port: int) -> None:
    start = time.monotonic()
    assert raw_exchange(port, HEAD, *[b"A: b\r\n"] * 12, pause_s=0.3) == b""
    assert time.monotonic() - start < 10


def test_silence(port: int) -> None:
    start = time.monotonic()
    assert raw_exchange(port) == b""
    assert time.monotonic() - start < 10


def test_headers_without_end(port: int) -> None:
    assert parse(raw_exchange(port, HEAD + b"A: b\r\n" * 20_000)).status == 400
    assert parse(raw_exchange(port, b"GET /" + b"a" * 100_000)).status == 400


def test_no_http(port: int) -> None:
    assert parse(raw_exchange(port, b"\x16\x03\x01\x02\x00 hello\r\n\r\n")).status == 400


def test_requests_in_one_piece_are_answered_in_order(port: int) -> None:
    requests = [HEAD + b"Content-Length: %d\r\n" % len(BODY) for _ in range(3)]
    requests[-1] += b"Connection: close\r\n"
    received = raw_exchange(port, b"".join(head + b"\r\n" + BODY for head in requests))
    assert received.count(b"HTTP/1.1 200 OK") == received.count(b'"words":["Ada","wrote"]') == 3


def test_words_of_a_request(port: int) -> None:
    client = Client(port)
    assert client.predict({"words": ["a"] * 50}).status == 200
    too_many: list[Any] = [
        {"words": ["a"] * 51},
        {"text": "a " * 51},
        {"text": "a," * 30},
        {"inputs": [{"words": []}] * 51},
    ]
    for content in too_many:
        answer = client.predict(content)
        assert (answer.status, answer.json["error"]["kind"]) == (413, "too_many_words")


def test_only_what_says_that_it_is_json(port: int) -> None:
    client = Client(port)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = client.predict(BODY, Content_Type=kind)
        assert (answer.status, answer.json["error"]["kind"]) == (415, "wrong_type")
    assert client.predict(BODY, Content_Type="application/json; charset=utf-8").status == 200


def test_an_early_refusal_reaches_a_client_that_is_still_sending(port: int) -> None:
    for _ in range(5):
        answer = Client(port).predict(b" " * (2 << 20))
        assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_what_a_vanished_client_asked_is_not_begun(gated: Any) -> None:
    app = app_with(gated)
    with running(app) as port, ThreadPoolExecutor(2) as threads:
        first = threads.submit(Client(port).predict, {"words": ["first"]})
        eventually(lambda: gated.asked == [["first"]])
        gone = Client(port)
        gone.connection.request("POST", "/predict", b'{"words": ["gone"]}', {"Content-Type": "application/json"})
        eventually(lambda: app.state.batcher.n_words == 2)
        gone.connection.close()
        eventually(lambda: app.state.batcher.n_words == 1)
        last = threads.submit(Client(port).predict, {"words": ["last"]})
        eventually(lambda: app.state.batcher.n_words == 2)
        gated.gate.set()
        assert first.result().status == last.result().status == 200
        assert gated.asked == [["first"], ["last"]]
        metrics = Client(port).ask("GET", "/metrics").body.decode()
        assert 'nomina_requests_total{route="/predict",status="499"} 1.0' in metrics


def test_a_request_out_of_time_is_withdrawn(gated: Any) -> None:
    app = app_with(gated, timeout_s=0.3)
    with running(app) as port:
        client = Client(port)
        answers = [client.predict({"words": [word]}) for word in ("begun", "waiting")]
        for answer in answers:
            assert (answer.status, answer.json["error"]["kind"]) == (504, "timeout")
        assert app.state.batcher.n_words == 1, "what has begun is still in memory"
        gated.gate.set()
        eventually(lambda: app.state.batcher.n_words == 0)
        assert client.predict({"words": ["later"]}).status == 200
        assert gated.asked == [["begun"], ["later"]]


def test_a_full_queue(gated: Any) -> None:
    app = app_with(gated, max_words=5, max_queue=10)
    with running(app) as port, ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(Client(port).predict, {"words": list("abcde")}) for _ in range(2)]
        eventually(lambda: app.state.batcher.n_words == 10)
        client = Client(port)
        answer = client.predict({"words": ["a"]})
        assert (answer.status, answer.json["error"]["kind"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) >= 1
        assert client.ask("GET", "/ready").status == 503
        assert client.ask("GET", "/health").status == 200
        unread = parse(raw_exchange(port, HEAD + b"Content-Length: 900\r\n\r\n"))
        assert unread.status == 503, "no body is read that cannot be worked on"
        gated.gate.set()
        assert [future.result().status for future in waiting] == [200, 200]
        assert client.predict({"words": ["a"]}).status == 200


def test_bodies_of_all_requests_together(predictor: Predictor) -> None:
    app = app_with(predictor, max_body_bytes=100_000, max_bodies=1, read_timeout_s=20)
    with running(app) as port:
        with socket.create_connection(("127.0.0.1", port)) as holder:
            holder.sendall(HEAD + b"Content-Length: 100000\r\n\r\n" + b" " * 99_000)
            time.sleep(0.2)
            answer = Client(port).predict(b" " * 50_000)
            assert (answer.status, answer.json["error"]["kind"]) == (503, "busy")
        eventually(lambda: Client(port).predict(BODY + b" " * 50_000).status == 200)


def test_connections(predictor: Predictor) -> None:
    with running(app_with(predictor, max_connections=3, read_timeout_s=20)) as port:
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        time.sleep(0.1)
        answer = parse(raw_exchange(port))
        assert (answer.status, answer.json["error"]["kind"]) == (503, "busy")
        held.pop().close()
        eventually(lambda: Client(port).predict(json.loads(BODY)).status == 200)
        for sock in held:
            sock.close()


def test_a_client_that_does_not_take_its_answer(predictor: Predictor) -> None:
    with running(app_with(predictor, max_connections=2)) as port:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", port))
        body = json.dumps({"words": ["w" * 3000] * 300}).encode()
        request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body

        def send() -> None:
            with suppress(OSError):
                sock.sendall(request * 10)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        start = time.monotonic()
        sender.join(timeout=20)
        assert not sender.is_alive(), "the server did not give it up"
        assert time.monotonic() - start < 15
        sock.close()
