"""Who may ask, from where, and what answers let a browser do."""

from __future__ import annotations

import pytest

from nomina.errors import ConfigError
from nomina.inference import Predictor
from nomina.serving.app import create_app
from nomina.serving.pages import POLICY
from nomina.serving.settings import Limits, ServeSettings
from servers import Client, parse, raw_exchange, running

ORIGIN = "https://example.org"


def test_the_token(predictor: Predictor) -> None:
    with running(create_app(predictor, ServeSettings(token="s3cret"))) as port:
        for path, method in (("/predict", "POST"), ("/model", "GET"), ("/metrics", "GET")):
            content = {"text": "a"} if method == "POST" else None
            assert Client(port, "s3cret").ask(method, path, content).status == 200
            for token in (None, "S3cret", "s3cre", "s3cret1", "\u00e9"):
                answer = Client(port, token).ask(method, path, content)
                assert (answer.status, answer.json["error"]["kind"]) == (401, "unauthorized")
                assert answer.headers["www-authenticate"] == "Bearer"
            assert Client(port).ask(method, path, content, Authorization="Basic s3cret").status == 401
        for path in ("/health", "/ready", "/openapi.json", "/docs"):
            assert Client(port).ask("GET", path).status == 200
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"
        assert parse(raw_exchange(port, head)).status == 401, "without waiting for the body"


def test_no_other_origin_unless_named(client: Client) -> None:
    answer = client.predict({"text": "a"}, Origin=ORIGIN)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = client.ask("OPTIONS", "/predict", None, Origin=ORIGIN, Access_Control_Request_Method="POST")
    assert preflight.status == 405
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_origins_that_are_named(predictor: Predictor) -> None:
    with running(create_app(predictor, ServeSettings(cors=(ORIGIN,)))) as port:
        client = Client(port)
        wanted = {
            "Access_Control_Request_Method": "POST",
            "Access_Control_Request_Headers": "authorization,content-type",
        }
        preflight = client.ask("OPTIONS", "/predict", None, Origin=ORIGIN, **wanted)
        assert preflight.status == 200
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
        for content, status in (({"text": "a"}, 200), ({}, 422)):
            answer = client.predict(content, Origin=ORIGIN)
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, ORIGIN)
            assert "access-control-allow-credentials" not in answer.headers
        other = client.predict({"text": "a"}, Origin="https://example.com")
        assert "access-control-allow-origin" not in other.headers


def test_headers_of_all_answers(client: Client) -> None:
    for path in ("/health", "/model", "/nothing", "/docs", "/predict"):
        headers = client.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert client.ask("GET", "/model").headers["cache-control"] == "no-store"


def test_pages_may_load_nothing_from_elsewhere(client: Client) -> None:
    page = client.ask("GET", "/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.body.decode()
    for line in POLICY.split("; "):
        assert "unsafe" not in line
    kinds = {"/docs/start.js": "text/javascript", "/docs/swagger-ui.css": "text/css", "/docs/favicon.png": "image/png"}
    for path, kind in kinds.items():
        answer = client.ask("GET", path)
        assert answer.headers["content-type"].startswith(kind)
        again = client.ask("GET", path, If_None_Match=answer.headers["etag"])
        assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({"token": ""}, ["token"]),
        ({"token": "a b"}, ["token"]),
        ({"cors": ("example.org", "https://a.b/")}, ["cors", "cors"]),
        ({"limits": Limits(max_words=0, timeout_s=-1)}, ["max_words", "timeout_s"]),
        ({"limits": Limits(max_words=100, max_queue=50), "batch_wait_s": -1}, ["batch_wait_s", "max_queue"]),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], faults: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        ServeSettings(**settings)  # type: ignore[arg-type]
    assert [fault.partition(":")[0] for fault in caught.value.faults] == faults


def test_the_token_is_not_shown() -> None:
    assert "s3cret" not in repr(ServeSettings(token="s3cret"))
