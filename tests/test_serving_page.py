"""The page on serving: its requests are answered, its tables are those of the code."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands import in_folder

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
SOURCES = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "nomina" / "serving").glob("*.py"))

pytest.importorskip("fastapi", reason="needs the extra nomina[serve]")


@pytest.fixture(scope="module")
def port(encoder_folder: Callable[[str], Path]) -> Iterator[int]:
    from nomina.encoding.tokenizers import load_tokenizer
    from nomina.inference import Predictor
    from nomina.serving.app import create_app
    from servers import running
    from taggers import make_tagger

    folder = encoder_folder("bert-uncased")
    with running(create_app(Predictor.of(make_tagger(folder), load_tokenizer(str(folder))))) as port:
        yield port


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_its_requests_are_answered(port: int, tmp_path: Path) -> None:
    requests = [block for block in blocks("sh") if block.startswith("curl")]
    assert len(requests) == 2
    for request in requests:
        shown = in_folder(["bash", "-euc", request.replace(":8000", f":{port}")], tmp_path)
        results = json.loads(shown)["results"]
        assert all(result["sentences"][0]["words"] for result in results)


def test_its_program_runs(port: int, tmp_path: Path) -> None:
    [program] = blocks("python")
    shown = in_folder(["python", "-c", program.replace(":8000", f":{port}")], tmp_path)
    assert isinstance(eval(shown), list)  # of what the model finds, which was not trained


def test_its_limits_are_the_defaults() -> None:
    from nomina.serving.settings import Limits

    rows = re.findall(r"^\|.*\|.*\| ([\d,]+)[\w ]* \| (?:4|5)\d\d.* \|$", PAGE, flags=re.MULTILINE)
    limits = Limits()
    expected = [
        limits.max_body_bytes,
        limits.max_words,
        limits.max_queue,
        limits.timeout_s,
        limits.read_timeout_s,
        limits.max_bodies,
        limits.max_connections,
    ]
    assert [float(row.replace(",", "")) for row in rows] == expected


def test_every_kind_of_error_is_there() -> None:
    raised = set(re.findall(r"""(?:RequestError|cls|error_body)\(\s*(?:\d+, )?"(\w+)",""", SOURCES))
    raised |= set(re.findall(r'40\d: \("(\w+)",', SOURCES))
    shown = PAGE.split("| status | kind |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", shown)) | {"gone"} == raised


def test_every_metric_is_there() -> None:
    from nomina.serving.metrics import Metrics

    names = {metric.name for metric in Metrics().registry.collect() if metric.name.startswith("nomina_")}
    shown = PAGE.split("| metric |")[1].split("\n\n")[0]
    assert {name.removesuffix("_total") for name in re.findall(r"`(nomina_\w+)`", shown)} == names


def test_the_unit_is_one() -> None:
    unit = configparser.RawConfigParser()
    [text] = blocks("ini")
    unit.read_string(text)
    assert unit.sections() == ["Unit", "Service", "Install"]
    assert "nomina serve" in unit["Service"]["ExecStart"]
