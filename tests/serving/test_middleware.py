"""Failures and the log: clients learn a number, the log where it was, nobody a text."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from nomina.errors import ModelError
from nomina.inference import Predictor
from nomina.serving.app import create_app
from servers import Client, eventually, running

SECRET = "Zebulon"


class Failing(Predictor):
    """Fails on sentences with a certain word."""

    def __init__(self, inner: Predictor, error: Exception) -> None:
        self.__dict__.update(inner.__dict__)
        self.error = error

    def predict(self, inputs: Any, **options: Any) -> Any:
        """As usual, but for that word."""
        if any(SECRET in sentence.words for sentence in inputs):
            raise self.error
        return super().predict(inputs, **options)


@pytest.mark.parametrize(
    ("error", "told"), [(KeyError(SECRET), "KeyError"), (RuntimeError("out of memory"), "RuntimeError: out of memory")]
)
def test_a_mistake_of_ours(predictor: Predictor, caplog: pytest.LogCaptureFixture, error: Exception, told: str) -> None:
    with running(create_app(Failing(predictor, error))) as port, caplog.at_level(logging.INFO):
        client = Client(port)
        answer = client.predict({"inputs": [{"text": "All is well."}, {"words": [SECRET]}]})
        assert (answer.status, answer.json["error"]["kind"]) == (500, "failed")
        assert "request 1" in answer.json["error"]["message"]
        assert "Traceback" not in answer.body.decode()
        assert client.predict({"text": "All is well."}).status == 200
        assert "nomina_prediction_errors_total 1.0" in client.ask("GET", "/metrics").body.decode()
    [message] = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert message.startswith(f"request 1 failed: {told}\n")
    assert "in predict" in message, "where it was"
    assert SECRET not in caplog.text


def test_what_a_model_does_not_take(predictor: Predictor) -> None:
    with running(create_app(Failing(predictor, ModelError("expected other tags")))) as port:
        answer = Client(port).predict({"words": [SECRET]})
        assert (answer.status, answer.json["error"]["kind"]) == (422, "wrong_input")
        assert answer.json["error"]["message"] == "expected other tags"


def test_one_line_for_each_request_and_no_text(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="nomina.serving"):
        client.predict({"text": f"{SECRET} left."})
        client.predict({SECRET: 1})
        client.ask("GET", f"/{SECRET}?{SECRET}")
        client.ask("GET", "/health")
        # The line comes after the answer, and only while the level is that of this block.
        eventually(lambda: sum(r.name == "nomina.serving" for r in caplog.records) == 4)
    lines = [json.loads(r.getMessage()) for r in caplog.records if r.name == "nomina.serving"]
    shown = [(line["method"], line["route"], line["status"], line["words"]) for line in lines]
    assert shown == [
        ("POST", "/predict", 200, 3),
        ("POST", "/predict", 422, 0),
        ("GET", "other", 404, 0),
        ("GET", "/health", 200, 0),
    ]
    assert lines[0]["bytes"] == len(json.dumps({"text": f"{SECRET} left."}))
    assert all(line["ms"] >= 0 and line["client"] == "127.0.0.1" for line in lines)
    assert SECRET not in caplog.text
