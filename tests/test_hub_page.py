"""The page on the hub: its program runs against the stand-in."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from commands import in_folder
from hub import hub_environment, stand_in
from nomina.encoding.tokenizers import load_tokenizer
from nomina.inference import Predictor
from taggers import make_tagger

PAGE = (Path(__file__).parents[1] / "docs" / "hub.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_its_program_runs(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Predictor.of(make_tagger(tiny_bert), load_tokenizer(str(tiny_bert))).save(tmp_path / "gmb-model")
    (tmp_path / "gmb-model" / "predictions.jsonl").write_text("{}\n", encoding="utf-8")
    program = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    with stand_in() as hub:
        for name, value in hub_environment(hub, tmp_path / "home").items():
            monkeypatch.setenv(name, value)
        shown = in_folder([sys.executable, "-c", program], tmp_path)
        assert shown.splitlines()[0] == f"{hub.endpoint}/me/gmb-ner"
        repository = hub.repositories["me/gmb-ner"]
        assert repository.private
        assert repository.commits == ["Add a model that nomina trained", "Without sentences"]
        assert "predictions.jsonl" in repository.files, "what was pushed before stays"
        assert hub.unknown == []
