"""Many clients at once: everybody gets what is theirs, and memory has a bound."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.inference import Predictor
from nomina.serving.app import create_app
from nomina.serving.settings import ServeSettings
from servers import Client, running

WORDS = sorted({word for sentence in read("sample") for word in sentence.words})


def distinct(i: int) -> dict[str, Any]:
    """The content of one request; no two are the same."""
    rng = random.Random(i)
    sentences = [
        {"words": [f"{i}", *rng.choices(WORDS, k=rng.randint(1, 30))]} for _ in range(rng.choice((1, 1, 1, 5)))
    ]
    return sentences[0] if len(sentences) == 1 else {"inputs": sentences}


def labels(result: dict[str, Any]) -> list[str]:
    [sentence] = result["sentences"]
    found: list[str] = sentence["labels"]
    return found


def test_nothing_is_lost_or_mixed_up(predictor: Predictor) -> None:
    n_requests, n_clients = 1000, 16
    contents = [distinct(i) for i in range(n_requests)]
    numbers = iter(range(n_requests))
    lock = threading.Lock()

    def next_ones() -> Iterator[int]:
        while True:
            with lock:
                i = next(numbers, None)
            if i is None:
                return
            yield i

    answers: dict[int, Any] = {}
    # A small budget, so that batches mix parts of many requests.
    with running(create_app(predictor, ServeSettings(batch_pieces=150))) as port:

        def work(_: int) -> None:
            client = Client(port)
            for i in next_ones():
                answers[i] = client.predict(contents[i])

        with ThreadPoolExecutor(n_clients) as threads:
            list(threads.map(work, range(n_clients)))
        families = text_string_to_metric_families(Client(port).ask("GET", "/metrics").body.decode())
        metrics = {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}

    assert sorted(answers) == list(range(n_requests))
    items = [content.get("inputs", [content]) for content in contents]
    direct = predictor.predict([Sentence(tuple(item["words"])) for of_one in items for item in of_one])
    assert isinstance(direct, list)
    rest = iter(direct)
    for i in range(n_requests):
        assert answers[i].status == 200
        results = answers[i].json["results"]
        assert [result["sentences"][0]["words"] for result in results] == [item["words"] for item in items[i]]
        assert [labels(result) for result in results] == [list(next(rest).labels) for _ in items[i]]
    assert metrics["nomina_words_total",] == sum(len(prediction.sentence) for prediction in direct)
    assert metrics["nomina_requests_total", "/predict", "200"] == n_requests
    assert metrics["nomina_request_seconds_count", "/predict"] == n_requests
    assert metrics["nomina_queue_words",] == metrics["nomina_prediction_errors_total",] == 0
    assert 0 < metrics["nomina_batch_pieces_count",] < n_requests
    assert metrics["nomina_batch_pieces_sum",] >= metrics["nomina_words_total",]
