"""What labelling requests together gives ``nomina serve``, and whether anything is lost or mixed up on the way.

    python benchmarks/serving.py --shared ../shared --work DIR --model MODEL

Requests hold one sentence of GMB's test part each, with its tags, over connections on this machine that are kept alive;
the client is a process of its own. A round is one client, then 16 at a time, then 16 with batches of one sentence; the
figures are medians over ``--rounds``. Last, ``--requests`` requests of 16 clients are compared with what the model says
of the same sentences directly. Writes ``serving.json``.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from common import arguments, conditions, gmb_split, save_json
from nomina.data.formats import read
from nomina.data.records import Sentence

RESULTS = Path(__file__).with_name("serving.json")
N_CLIENTS = 16
N_WARM = 200


class Load(NamedTuple):
    """What some clients measured, and the bodies of the answers they got, in the order of the requests."""

    seconds: float
    latencies: list[float]
    answers: list[bytes]

    @property
    def facts(self) -> dict[str, float]:
        ordered = sorted(self.latencies)
        return {
            "requests_per_s": round(len(ordered) / self.seconds, 1),
            "p50_ms": round(1000 * ordered[len(ordered) // 2], 2),
            "p99_ms": round(1000 * ordered[int(0.99 * len(ordered))], 2),
        }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model folder to serve")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--per-round", type=int, default=1000, help="requests of 16 clients in a round")
    parser.add_argument("--requests", type=int, default=10_000, help="requests that are compared")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    sentences = read(gmb_split(args.shared, args.work) / "test.jsonl").sentences
    bodies = [body_of(sentence) for sentence in sentences]
    with serving(args.model) as together, serving(args.model, "--batch-pieces", "1") as alone:
        for port in (together, alone):
            asyncio.run(load(port, bodies[:N_WARM], N_CLIENTS))
        rounds = [measure(together, alone, bodies, args.per_round) for _ in range(args.rounds)]
        compared = compare(together, args.model, sentences, bodies, args.requests)
    names = ("1 client", f"{N_CLIENTS} clients", f"{N_CLIENTS} clients, batches of one")
    content = {
        "command": "python benchmarks/serving.py --shared ../shared --work DIR --model MODEL",
        "conditions": conditions() | {"model": args.model.name, "rounds": args.rounds, "per_round": args.per_round},
        "loads": {name: medians([facts[i] for facts in rounds]) for i, name in enumerate(names)},
        "ratios": medians([ratios(*facts) for facts in rounds]),
        "compared": compared,
    }
    save_json(args.results, content)
    print(args.results.read_text(encoding="utf-8"))


def body_of(sentence: Sentence) -> bytes:
    """A request."""
    return json.dumps({"words": list(sentence.words), "pos": list(sentence.features["pos"])}).encode()


@contextmanager
def serving(model: Path, *options: str) -> Iterator[int]:
    """A server in a process of its own; yields its port."""
    command = [sys.executable, "-m", "nomina", "serve", str(model), "--port", "0", "--quiet", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise SystemExit("the server did not start")
        yield int(url.rpartition(":")[2])
        process.terminate()
        if process.wait() != 0:
            raise SystemExit(f"the server ended with exit code {process.returncode}")


def measure(together: int, alone: int, bodies: Sequence[bytes], n_requests: int) -> list[dict[str, float]]:
    """One round: one client, many, many without batches."""
    few = bodies[N_WARM : N_WARM + n_requests // 4]  # as long, or longer
    many = bodies[N_WARM : N_WARM + n_requests]
    runs = [(together, few, 1), (together, many, N_CLIENTS), (alone, many, N_CLIENTS)]
    return [asyncio.run(load(*run)).facts for run in runs]


def ratios(one: dict[str, float], many: dict[str, float], alone: dict[str, float]) -> dict[str, float]:
    """The figures that the bars are about."""
    return {
        "throughput of 16 clients to one": many["requests_per_s"] / one["requests_per_s"],
        "throughput with batches to without": many["requests_per_s"] / alone["requests_per_s"],
        "p99 to p50 of 16 clients": many["p99_ms"] / many["p50_ms"],
    }


def medians(facts: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(fact[name] for fact in facts), 2) for name in facts[0]}


def compare(port: int, model: Path, sentences: Sequence[Sentence], bodies: list[bytes], n: int) -> dict[str, Any]:
    """Every answer beside what the model says directly."""
    from nomina.inference import Predictor

    chosen = [i % len(bodies) for i in range(n)]
    done = asyncio.run(load(port, [bodies[i] for i in chosen], N_CLIENTS))
    predictions = Predictor.load(model).predict(list(sentences))
    assert isinstance(predictions, list)
    n_wrong = 0
    for i, answer in zip(chosen, done.answers, strict=True):
        [result] = json.loads(answer)["results"]
        [sentence] = result["sentences"]
        expected = list(predictions[i].sentence.words), list(predictions[i].labels)
        n_wrong += (sentence["words"], sentence["labels"]) != expected
    return {"requests": n, "lost": n - len(done.answers), "other_than_directly": n_wrong, **done.facts}


async def load(port: int, bodies: Sequence[bytes], n_clients: int) -> Load:
    """Ask for everything, with some clients at a time that take the next request when they have an answer."""
    waiting = iter(range(len(bodies)))
    latencies, answers = [0.0] * len(bodies), [b""] * len(bodies)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for i in waiting:
            start = perf_counter()
            answers[i] = await ask(reader, writer, bodies[i])
            latencies[i] = perf_counter() - start
        writer.close()

    start = perf_counter()
    await asyncio.gather(*(client() for _ in range(n_clients)))
    return Load(perf_counter() - start, latencies, answers)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> bytes:
    """One request; anything but a good answer ends the script."""
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    received = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = received.lower().split("\r\n")
    length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
    answer = await reader.readexactly(length)
    if " 200 " not in lines[0]:
        raise SystemExit(f"{lines[0]}: {answer.decode()}")
    return answer


if __name__ == "__main__":
    main()
