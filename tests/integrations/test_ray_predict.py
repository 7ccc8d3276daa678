"""Files labelled on a Ray cluster of this machine: the same outputs as without it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forked import Command
from nomina.data.formats import read
from nomina.data.formats.writing import write
from nomina.encoding.tokenizers import load_tokenizer
from nomina.inference import Predictor
from taggers import make_tagger

SAMPLE = read("sample")

# A process of its own: where Ray's servers listen is fixed when Ray is imported.
PROGRAM = """
import json, sys
from pathlib import Path
from nomina.errors import NominaError
from nomina.integrations.ray_cluster import connected
from nomina.integrations.ray_predict import predict_on_ray
from nomina.predicting import PredictOptions, outputs_of, sources_of

model, output, *batches = sys.argv[1:]

def outcome(inputs):
    sources = sources_of(inputs)
    jobs = list(zip(sources, outputs_of(sources, Path(output), "jsonl"), strict=True))
    options = PredictOptions(to="jsonl")
    try:
        found = predict_on_ray(Path(model), jobs, options, address="local", n_workers=2, resume=True)
    except NominaError as error:
        return str(error)
    return [done.to_dict() for done in found]

with connected("local"):  # one cluster for all that is asked
    print(json.dumps([outcome(json.loads(batch)) for batch in batches]))
"""


@pytest.fixture(scope="module")
def folder(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs the extra nomina[ray]")
    pytest.importorskip("pyarrow", reason="needs the extra nomina[parquet]")
    path = tmp_path_factory.mktemp("model")
    Predictor.of(make_tagger(tiny_bert), load_tokenizer(str(tiny_bert))).save(path)
    return path


def on_ray(model: Path, output: Path, *batches: list[Path]) -> list[Any]:
    """What came of several calls, one after another on one cluster."""
    asked = [json.dumps([str(path) for path in batch]) for batch in batches]
    command = [sys.executable, "-c", PROGRAM, str(model), str(output), *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=400)
    outcomes: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return outcomes


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_outputs_are_those_of_one_machine(folder: Path, tmp_path: Path) -> None:
    inputs, more, alone, cluster = (tmp_path / name for name in ("inputs", "more", "alone", "cluster"))
    inputs.mkdir()
    more.mkdir()
    write(SAMPLE[:40], inputs / "a.jsonl", format="jsonl")
    write(SAMPLE[40:90], inputs / "b.parquet", format="parquet")
    write(SAMPLE[90:100], inputs / "c.parquet", format="parquet")
    line = ["predict", str(folder), str(inputs), "--to", "jsonl", "--quiet", "--output", str(alone)]
    assert Command(line, tmp_path / "alone.log").result().code == 0
    (more / "d.jsonl").write_text('{"tokens": ["half', encoding="utf-8")
    write(SAMPLE[100:110], more / "e.jsonl", format="jsonl")
    found, message = on_ray(folder, cluster, [inputs], [*sorted(inputs.iterdir()), *sorted(more.iterdir())])
    assert [done["n_sentences"] for done in found] == [40, 50, 10]
    names = ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert all((cluster / name).read_bytes() == (alone / name).read_bytes() for name in names)
    # A file that cannot be read keeps none of the others back.
    assert isinstance(message, str)
    assert "d.jsonl:1: " in message
    assert sorted(path.name for path in cluster.iterdir()) == [*names, "e.jsonl"]
