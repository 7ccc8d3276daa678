"""The interface is what its description says: every operation, with right and with wrong requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis.checks import positive_data_acceptance

from nomina.inference import Predictor
from nomina.serving.app import create_app
from nomina.serving.schema import REQUEST
from nomina.serving.settings import Limits, ServeSettings
from servers import Client, running

TOKEN = "s3cret"


@pytest.fixture(scope="module")
def guarded_port(predictor: Predictor) -> Iterator[int]:
    """Of a server with a token."""
    with running(create_app(predictor, ServeSettings(token=TOKEN, limits=Limits(max_words=200)))) as port:
        yield port


OPERATIONS = [("/predict", "POST"), ("/model", "GET"), ("/health", "GET"), ("/ready", "GET"), ("/metrics", "GET")]
OPEN = ("/health", "/ready")


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
@pytest.mark.parametrize("fits", [True, False])
def test_every_operation(guarded_port: int, path: str, method: str, fits: bool) -> None:
    if path in OPEN and not fits:
        pytest.skip("nothing could be wrong in a request")
    modes: Any = schemathesis.GenerationMode
    mode = modes.POSITIVE if fits else modes.NEGATIVE
    description = schemathesis.openapi.from_url(f"http://127.0.0.1:{guarded_port}/openapi.json")
    operation = description[path][method]
    assert sorted(description) == sorted(path for path, _ in OPERATIONS)

    # That there is one tag per word and that the tags are of the model's set no schema can say, so what fits the
    # description may be refused; what does not fit must be.
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=30 if method == "POST" else 3)
    def ask(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(
            headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=[positive_data_acceptance], timeout=30
        )

    ask()


def test_every_answer_is_described(guarded_port: int) -> None:
    description = Client(guarded_port).ask("GET", "/openapi.json").json
    answers = {path: {s for op in ops.values() for s in op["responses"]} for path, ops in description["paths"].items()}
    assert answers == {
        "/predict": {"200", "401", "408", "413", "415", "422", "503", "504"},
        "/model": {"200", "401"},
        "/metrics": {"200", "401"},
        "/health": {"200"},
        "/ready": {"200", "503"},
    }
    secured = {path for path, ops in description["paths"].items() if any("security" in op for op in ops.values())}
    assert secured == {"/predict", "/model", "/metrics"}


def test_its_examples_work(guarded_port: int) -> None:
    client = Client(guarded_port, TOKEN)
    body = client.ask("GET", "/openapi.json").json["paths"]["/predict"]["post"]["requestBody"]
    examples = [example["value"] for example in body["content"]["application/json"]["examples"].values()]
    assert len(examples) == 3
    for example in examples:
        REQUEST.validate_python(example)
        assert client.predict(example).status in {200, 422}


def test_it_is_valid(guarded_port: int) -> None:
    from openapi_spec_validator import validate

    validate(Client(guarded_port).ask("GET", "/openapi.json").json)
