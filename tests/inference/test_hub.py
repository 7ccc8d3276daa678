"""Models by hub id: pushed to a stand-in and read back by processes of their own, which start with an empty cache."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants

import nomina
from hub import Hub, hub_environment, stand_in
from nomina.data.formats import read
from nomina.data.formats.write import WRITERS
from nomina.errors import ModelError, OutputError
from nomina.inference.hub import find_model, push

TEXT = "Washington said on Monday that May will travel to Georgia."
WAYS_OUT = ("nomina train", "HF_TOKEN", "hf download", "HF_HOME")


@pytest.fixture(scope="module")
def model(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run, with all that a run leaves in it."""
    folder = tmp_path_factory.mktemp("trained") / "my-ner"
    train, dev = read("sample")[:40], read("sample")[40:50]
    nomina.train(train, dev=dev, output=folder, encoder=str(tiny_bert), epochs=1, keep_checkpoints=True, progress=False)
    predictor = nomina.load(folder)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        torch.nn.init.normal_(predictor.model.head.classifier.weight)  # so that it finds something
    predictor.save(folder)
    (folder / ".hidden").touch()
    return folder


@pytest.fixture(scope="module")
def hub(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub to which the model was pushed."""
    with stand_in() as hub:
        assert run(PUSH, hub, tmp_path_factory.mktemp("home"), str(model)) == f"{hub.endpoint}/me/my-ner\n"
        yield hub


def start(
    command: list[str], hub: Hub, home: Path, *, token: str | None = "hf_standin", given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a Python process that knows of no hub but the stand-in."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    kept = {name: value for name, value in kept.items() if not name.startswith("HF_")}
    environment = {**kept, **hub_environment(hub, home, token=token)}
    return subprocess.run(
        [sys.executable, *command],
        input=given,
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def run(script: str, hub: Hub, home: Path, *arguments: str) -> str:
    done = start(["-c", script, *arguments], hub, home)
    assert done.returncode == 0, done.stderr
    assert hub.unknown == [], "the hub was asked what the stand-in does not answer"
    return done.stdout


PUSH = """
import sys, nomina
model = nomina.load(sys.argv[1])
print(model.push_to_hub("me/my-ner"))
model.model.push_to_hub("me/weights")  # transformers' own
model.folder = None
model.push_to_hub("me/bare", private=False)
"""

READ = """
import hashlib, json, sys
import nomina
from transformers import AutoModelForTokenClassification, pipeline
from nomina.integrations import spacy as component

def digest(model):
    content = b"".join(n.encode() + p.cpu().numpy().tobytes() for n, p in sorted(model.state_dict().items()))
    return hashlib.sha256(content).hexdigest()

def spans(found):
    return [[s.label, s.start, s.end, round(s.score, 4)] for s in found.spans]

def in_spacy(name, text):
    nlp = component.Language()
    nlp.add_pipe("nomina", config={"model": name, "tags": "none"})
    found = [[e.label_, e.text, round(e._.score, 4)] for e in nlp(text).ents]
    assert set(e[0] for e in found) <= set(nlp.pipe_labels["nomina"])
    return found

def facts(name, text):
    model = nomina.load(name)
    marked = pipeline("token-classification", model=name)(text)
    return {
        "spans": spans(model.predict(text)),
        "without tags": spans(model.predict(text, tags="none")),
        "Tagger": digest(nomina.Tagger.from_pretrained(name)),
        "AutoModel": digest(AutoModelForTokenClassification.from_pretrained(name)),
        "spaCy": in_spacy(name, text),
        "pipeline": [[m["entity"], m["word"], round(float(m["score"]), 4)] for m in marked],
        "files": sorted(path.name for path in model.folder.iterdir()),
    }
"""


@pytest.mark.slow
def test_the_whole_folder_is_pushed(hub: Hub, model: Path) -> None:
    assert hub.asked[0] == "GET /api/agent-harnesses"  # for the User-Agent of the next
    assert hub.asked[1] == "POST /api/repos/create", "opening a folder asks nothing"
    pushed = hub.repositories["me/my-ner"]
    files = {str(path.relative_to(model)): path for path in model.rglob("*") if path.is_file()}
    kept = {name for name in files if name.startswith(("checkpoints/", "."))}
    assert len(kept) > 2
    assert pushed.files == {name: files[name].read_bytes() for name in files.keys() - kept}
    expected = {"config.json", "model.safetensors", "tokenizer.json", "README.md", "run.toml", "scores.json"}
    assert expected <= pushed.files.keys()
    assert "model.safetensors" in pushed.large
    assert pushed.private
    assert pushed.commits == ["Add a model that nomina trained"]
    bare = hub.repositories["me/bare"]
    assert not bare.private
    assert bare.files.keys() == {name for name in pushed.files if name.startswith(("config", "model", "tokenizer"))}
    assert {"config.json", "model.safetensors"} <= hub.repositories["me/weights"].files.keys()


@pytest.mark.slow
def test_it_reads_back_by_its_id(hub: Hub, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("spacy", reason="needs the extra nomina[spacy]")
    here: dict[str, Any] = {}
    exec(READ, here)
    local = here["facts"](str(model), TEXT)
    shown = run(f"{READ}\nprint(json.dumps(facts(*sys.argv[1:])))", hub, tmp_path, "me/my-ner", TEXT)
    remote = json.loads(shown)
    assert {key: value for key, value in remote.items() if key != "files"} == {
        key: value for key, value in local.items() if key != "files"
    }
    assert all(local[key] for key in ("pipeline", "spans", "spaCy"))
    assert remote["Tagger"] == remote["AutoModel"]
    left = {"predictions.jsonl", "history.jsonl", "report.html", "figures", "checkpoints", ".hidden"}
    assert set(remote["files"]) == set(local["files"]) - left


@pytest.mark.slow
def test_the_command_line_takes_a_hub_id(hub: Hub, model: Path, tmp_path: Path) -> None:
    prediction = nomina.load(model).predict(TEXT)
    assert isinstance(prediction, nomina.Prediction)
    expected = WRITERS["conll"](prediction.sentence, prediction.labels, prediction.spans)
    command = ["-m", "nomina", "predict", "me/my-ner", "--quiet"]
    found = start(command, hub, tmp_path, given=TEXT)
    assert (found.stdout, found.stderr) == (expected, "")
    gone = Hub(endpoint=f"http://127.0.0.1:{unused_port()}")
    cached = start(command, gone, tmp_path, given=TEXT)
    assert (cached.stdout, cached.stderr) == (expected, "")


REFUSED = """
import sys, time
from nomina.errors import ModelError
from nomina.inference.hub import find_model
for name in sys.argv[1:]:
    begun = time.monotonic()
    try:
        find_model(name)
    except ModelError as error:
        print(round(time.monotonic() - begun, 1), error)
"""


@pytest.mark.slow
def test_what_the_hub_does_not_give(hub: Hub, tmp_path: Path) -> None:
    done = start(["-c", REFUSED, "me/my-ner", "me/nothing"], hub, tmp_path, token=None)
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stderr
    assert all("expected a model folder or a hub id, found no folder 'me/" in line for line in lines)
    assert all("and the hub said: 401 Client Error" in line for line in lines)
    assert run(REFUSED, hub, tmp_path, "me/bare") == ""
    gone = Hub(endpoint=f"http://127.0.0.1:{unused_port()}")
    [line] = start(["-c", REFUSED, "me/nothing"], gone, tmp_path).stdout.splitlines()
    seconds, message = line.split(" ", maxsplit=1)
    assert float(seconds) < 5, "no waiting for a hub that is not there"
    assert message.startswith("model 'me/nothing' is no folder and not in the local cache, and the model hub cannot be")


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, an empty folder to work in, and a network that refuses."""

    def refuse(*_: object, **__: object) -> socket.socket:
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for key in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(key, raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.mark.usefixtures("no_network")
def test_a_folder_wins() -> None:
    Path("me/my-ner").mkdir(parents=True)
    assert find_model("me/my-ner") == Path("me/my-ner")


@pytest.mark.parametrize(
    "name", ["model", "/me/my-ner", "./my-ner", "~nobody/my-ner", "runs/a/b", "me/", "-/a", "me/ä"]
)
@pytest.mark.usefixtures("no_network")
def test_what_is_no_hub_id_stays_a_folder(name: str) -> None:
    with pytest.raises(ModelError, match=r"expected a model folder with config\.json"):
        nomina.load(name)


@pytest.mark.usefixtures("no_network")
def test_a_slip_in_the_name_of_a_folder_is_not_sent_anywhere() -> None:
    Path("runs").mkdir()
    with pytest.raises(ModelError, match="found no 'dmeo' in the folder 'runs'"):
        find_model("runs/dmeo")


@pytest.mark.parametrize("offline", [True, False])
@pytest.mark.usefixtures("no_network")
def test_a_hub_that_cannot_be_asked(offline: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    reason = "HF_HUB_OFFLINE is set" if offline else "refused"
    with pytest.raises(
        ModelError, match=f"'me/my-ner' is no folder and not in the local cache, and .*{reason}"
    ) as error:
        find_model("me/my-ner")
    assert [way for way in WAYS_OUT if way not in str(error.value)] == []
    with pytest.raises(OutputError, match=f"cannot push to 'me/my-ner': .*{reason}"):
        push(Path(), "me/my-ner")
