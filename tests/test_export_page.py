"""The page on exporting: its commands and its program run, and so does an export where torch is not installed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from commands import in_folder
from nomina.encoding.tokenizers import load_tokenizer
from nomina.inference import Prediction, Predictor
from taggers import make_tagger

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
UNREACHABLE = re.compile(
    "No matching distribution|Could not find a version|Max retries|timed out|Connection", re.IGNORECASE
)

pytest.importorskip("onnx", reason="needs the extra nomina[onnx]")
pytest.importorskip("onnxruntime", reason="needs the extra nomina[onnx]")


def test_every_flag_exists(tmp_path: Path) -> None:
    known = set()
    for command in ("export", "train", "predict"):
        known |= set(re.findall(r"--[a-z][\w-]+", in_folder(["nomina", command, "--help"], tmp_path)))
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", PAGE)) - {"--no-deps"}  # pip's
    assert named <= known


@pytest.mark.slow
def test_its_commands_and_its_program_run(first_run: str, tmp_path: Path) -> None:
    assert first_run in SHELL[0]
    commands = f"{SHELL[0]}{SHELL[1]}".replace(first_run, "")
    shown = in_folder(["bash", "-euo", "pipefail", "-c", commands], tmp_path)
    assert "\nRuth\t" in shown
    assert "F1 loss, points" in shown
    sizes = [(tmp_path / "runs" / f"first-onnx{kind}" / "model.onnx").stat().st_size for kind in ("", "-int8")]
    assert sizes[1] < 0.3 * sizes[0]
    [program] = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert in_folder(["python", "-c", program], tmp_path).splitlines()[-1].startswith("(")
    files = {path.name for path in (tmp_path / "runs" / "first-onnx").iterdir()}
    rows = re.findall(r"^\| (`.*?) \|", PAGE, flags=re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([\w.]+)`", row)} == files


@pytest.mark.slow
def test_where_torch_is_not_installed(tiny_bert: Path, tmp_path: Path) -> None:
    from nomina.exporting import export

    Predictor.of(make_tagger(tiny_bert, head="crf"), load_tokenizer(str(tiny_bert))).save(tmp_path / "model")
    export(tmp_path / "model")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "slim"], check=True)
    python = tmp_path / "slim" / "bin" / "python"
    packages, itself = re.findall(r"^pip (.*)$", SHELL[2], flags=re.MULTILINE)
    for command in (packages, itself.replace("nomina", str(ROOT))):
        pip = [python, "-m", "pip", "--quiet", "--retries=1", "--disable-pip-version-check", *command.split()]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode and UNREACHABLE.search(done.stderr):
            pytest.skip(f"pip reaches no index: {done.stderr.splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
    look = "import importlib.util as u; print(*map(u.find_spec, ('torch', 'transformers')))"
    assert in_folder([str(python), "-c", look], tmp_path) == "None None\n"
    text = "May met Dr. Ruth Amsel in Reading on Monday."
    (tmp_path / "text").write_text(text, encoding="utf-8")
    shown = in_folder([str(python.with_name("nomina")), "predict", "model-onnx", "text"], tmp_path)
    expected = Predictor.load(tmp_path / "model").predict(text)
    assert isinstance(expected, Prediction)
    assert [line.split("\t")[-1] for line in shown.splitlines() if line] == list(expected.labels)
