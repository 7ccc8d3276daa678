"""Routes and what they answer, over a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.inference import Prediction, Predictor
from nomina.serving.app import create_app
from nomina.serving.schema import ModelInfo, PredictAnswer
from nomina.serving.settings import ServeSettings
from servers import Client, running

SENTENCES = read("sample").sentences[:30]


def same(result: dict[str, Any], predictions: list[Prediction]) -> None:
    """A result is that of the direct way."""
    assert [s["words"] for s in result["sentences"]] == [list(p.sentence.words) for p in predictions]
    assert [s["labels"] for s in result["sentences"]] == [list(p.labels) for p in predictions]
    assert [s["pos"] for s in result["sentences"]] == [None if p.pos is None else list(p.pos) for p in predictions]
    spans = [(i, span) for i, p in enumerate(predictions) for span in p.spans]
    assert [(e["sentence"], e["label"], e["start"], e["end"]) for e in result["entities"]] == [
        (i, span.label, span.start, span.end) for i, span in spans
    ]
    assert [e["score"] for e in result["entities"]] == pytest.approx([span.score for _, span in spans], abs=1e-4)


def test_words_with_tags(client: Client, predictor: Predictor) -> None:
    items = [{"words": list(s.words), "pos": list(s.features["pos"])} for s in SENTENCES]
    answer = client.predict({"inputs": items})
    assert answer.status == 200
    PredictAnswer.model_validate_json(answer.body)
    for result, sentence in zip(answer.json["results"], SENTENCES, strict=True):
        same(result, [predictor.predict(sentence)])
        assert result["sentences"][0]["offsets"] is None
        for entity in result["entities"]:
            assert entity["text"] == " ".join(sentence.words[entity["start"] : entity["end"]])
            assert entity["start_char"] is entity["end_char"] is None
    assert client.predict(items[0]).json["results"] == answer.json["results"][:1]


@pytest.mark.parametrize("tags", ["source", "none"])
def test_tags_that_are_not_to_be_read(client: Client, predictor: Predictor, tags: str) -> None:
    sentence = SENTENCES[0]
    answer = client.predict({"words": list(sentence.words), "pos": list(sentence.features["pos"]), "tags": tags})
    same(answer.json["results"][0], [predictor.predict(Sentence(sentence.words))])


def test_tags_of_the_server_where_a_request_says_none(predictor: Predictor) -> None:
    sentence = SENTENCES[0]
    item = {"words": list(sentence.words), "pos": list(sentence.features["pos"])}
    with running(create_app(predictor, ServeSettings(tags="none"))) as port:
        client = Client(port)
        same(client.predict(item).json["results"][0], [predictor.predict(Sentence(sentence.words))])
        same(client.predict({**item, "tags": "auto"}).json["results"][0], [predictor.predict(sentence)])


def test_text(client: Client) -> None:
    text = "\u00c9mile \U0001f600 met Ada in Z\u00fcrich. They left\n on Monday."
    result = client.predict({"text": text}).json["results"][0]
    words = [word for s in result["sentences"] for word in s["words"]]
    offsets = [pair for s in result["sentences"] for pair in s["offsets"]]
    assert "".join(words) == "".join(text.split())
    assert [text[start:end] for start, end in offsets] == words
    for entity in result["entities"]:
        assert entity["text"] == text[entity["start_char"] : entity["end_char"]]
        first, last = (
            result["sentences"][entity["sentence"]]["offsets"][i] for i in (entity["start"], entity["end"] - 1)
        )
        assert (entity["start_char"], entity["end_char"]) == (first[0], last[1])


@pytest.mark.parametrize("content", [{"inputs": []}, {"text": ""}, {"text": " \n"}, {"words": []}, {"words": [""]}])
def test_next_to_nothing(client: Client, content: dict[str, Any]) -> None:
    answer = client.predict(content)
    assert answer.status == 200
    PredictAnswer.model_validate_json(answer.body)
    assert len(answer.json["results"]) == len(content.get("inputs", [content]))


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (b"", "wrong_request", "Invalid JSON"),
        (b'{"text": "\xff"}', "wrong_request", "Invalid JSON"),
        (b'{"text": "\\ud800"}', "wrong_request", "Invalid JSON"),
        (b"[" * 100_000, "wrong_request", "Invalid JSON"),
        ([], "wrong_request", "body"),
        ({}, "wrong_request", "text: Field required"),
        ({"text": 5}, "wrong_request", "text: Input should be a valid string"),
        ({"text": "a", "words": ["a"]}, "wrong_request", "text: Extra inputs are not permitted"),
        ({"words": ["a", None]}, "wrong_request", "words.1: Input should be a valid string"),
        ({"inputs": [{"text": "a"}, {"words": "a"}]}, "wrong_request", "inputs.1.words: Input should be a valid array"),
        ({"inputs": [{"text": "a", "tags": "none"}]}, "wrong_request", "inputs.0.tags: Extra inputs"),
        ({"text": "a", "tags": "all"}, "wrong_request", "tags: Input should be 'auto', 'source' or 'none'"),
        ({"words": ["a", "b"], "pos": ["NN"]}, "wrong_tags", "item 0: expected 2 tags"),
        ({"inputs": [{"text": "a"}, {"words": ["a"], "pos": ["NOUN"]}]}, "wrong_tags", "item 1: expected part-of-"),
    ],
)
def test_wrong_requests(client: Client, content: Any, kind: str, told: str) -> None:
    answer = client.predict(content)
    assert (answer.status, answer.json["error"]["kind"]) == (422, kind)
    assert told in answer.json["error"]["message"]


def test_little_of_a_wrong_request_is_said_back(client: Client) -> None:
    for content in ({"x" * 5000: 1}, {"text": "a", "tags": "y" * 5000}, {"inputs": [{"z" * 99: 1}] * 500}):
        answer = client.predict(content)
        assert answer.status == 422
        assert len(answer.json["error"]["message"]) <= 300
        assert not any(letter * 50 in answer.json["error"]["message"] for letter in "xyz")


def test_unknown_paths_and_methods(client: Client) -> None:
    assert client.ask("GET", "/nothing").json["error"]["kind"] == "not_found"
    assert client.ask("POST", "/predict/", {}).status == 404
    answer = client.ask("GET", "/predict")
    assert (answer.status, answer.headers["allow"], answer.json["error"]["kind"]) == (405, "POST", "wrong_method")
    assert client.ask("POST", "/model", {}).status == 405


def test_the_model(client: Client, predictor: Predictor) -> None:
    info = ModelInfo.model_validate_json(client.ask("GET", "/model").body)
    assert info.labels == list(predictor.labels)
    assert info.types == list(predictor.types)
    assert info.features == {"pos": list(predictor.features["pos"].values[1:])}
    assert (info.backend, info.scheme, info.scores, info.card) == ("torch", "IOB2", None, None)


def test_health_and_readiness(client: Client) -> None:
    assert client.ask("GET", "/health").json == {"status": "ok"}
    assert client.ask("GET", "/ready").json == {"status": "ready"}
