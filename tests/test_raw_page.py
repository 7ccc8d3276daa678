"""The page on raw text: its program runs and prints what it shows, and its figures are the measured ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from commands import in_folder
from nomina.encoding.tokenizers import load_tokenizer
from nomina.inference import Predictor
from taggers import make_tagger

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "raw.md").read_text(encoding="utf-8")
MEASURED = json.loads((ROOT / "benchmarks" / "raw_text.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_its_program_runs(tiny_bert: Path, tmp_path: Path) -> None:
    pytest.importorskip("spacy", reason="needs the extra nomina[spacy]")
    Predictor.of(make_tagger(tiny_bert), load_tokenizer(str(tiny_bert))).save(tmp_path / "runs" / "first")
    program = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    shown = in_folder(["python", "-c", f"{program}\nprint(n_words)"], tmp_path)
    assert shown.startswith(re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)[0])
    assert shown.splitlines()[-1] == "30000"


def test_its_figures_are_measured() -> None:
    rows = re.findall(r"^\| ([a-z]\S+)[^|]*\| (\d.*?) \| (\d.*?) \| (\d.*?) \| (.*?) ?\|$", PAGE, flags=re.MULTILINE)
    names = {"spaCy's": "spacy"}
    assert {names.get(name, name) for name, *_ in rows} == MEASURED["borders"].keys()
    for name, *found, words in rows:
        borders = MEASURED["borders"][names.get(name, name)]
        expected = [f"{borders[c]['precision']:.3f} / {borders[c]['recall']:.3f}" for c in ("sample", "gmb", "ewt")]
        assert found == expected
        kept = MEASURED["words_f1"].get(names.get(name, name), {})
        assert words == " / ".join(f"{kept[c]:.3f}" for c in ("sample", "gmb", "ewt") if kept)
