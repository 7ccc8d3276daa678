"""``nomina tune`` as it is typed and watched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from commands import Result
from nomina.cli.tune import live_table
from nomina.scoring.search import Rung
from nomina.tuning import Snapshot
from searches import arguments, write_parts


@pytest.mark.slow
@pytest.mark.usefixtures("quick_workers", "no_figures")
def test_results_go_to_standard_output_and_all_else_to_standard_error(
    tiny_bert: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    space = tmp_path / "space.toml"
    space.write_text("batch_size = [3, 5]\n", encoding="utf-8")
    data = write_parts(tmp_path / "data")
    line = arguments(tiny_bert, data, tmp_path / "search", "--epochs", "1", "--space", str(space))
    done = run(*line, "--json")
    assert done.code == 0, done.err
    facts = json.loads(done.out)
    assert facts == facts | json.loads((tmp_path / "search" / "search.json").read_text(encoding="utf-8"))
    assert [trial["settings"] for trial in facts["trials"]] == [{"batch_size": 3}, {"batch_size": 5}]
    assert Path(facts["files"]["model"], "config.json").is_file()
    assert "trial 0: " in done.err
    # Once more: nothing is left to do, and it is shown as a table.
    shown = run(*line)
    assert shown.code == 0, shown.err
    assert "Best is trial" in shown.out
    assert "beaten" in shown.out
    assert "encoding" not in shown.err


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (["--strategy", "random"], "strategy: expected halving, grid or tpe"),
        (["--rungs", "1/6,a"], "rungs: expected shares"),
        (["--keep", "1/0"], "keep: expected shares"),
        (["--keep", "2"], "keep: expected a share"),
        (["--keep", "1/2,1/3,1/4"], "keep: expected 1 or 2 shares"),
        (["--space", "nowhere.toml"], "space: expected a TOML file"),
        (["--storage", "sqlite:///a.db"], "SQLite"),
        (["--split", "90,0,10"], "a search needs a dev part"),
    ],
)
def test_faults_are_the_callers(
    flags: list[str], fault: str, tiny_bert: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    code, out, err = run("tune", "sample", "--encoder", tiny_bert, "--output", tmp_path / "o", *flags)
    assert (code, out) == (2, "")
    assert fault in err
    assert not (tmp_path / "o").exists()


def test_the_live_table_shows_what_runs_first() -> None:
    rows = (
        ("0", {"dropout": 0.1}, "beaten", 1, 0.5, 0.4),
        ("1", {"dropout": 0.2}, "running", 1, 0.5, 0.6),
        ("2", {"dropout": 0.3}, "waiting", 0, 0.0, None),
        ("3", {"dropout": 0.4}, "failed", 0, 0.0, None),
        ("4", {"dropout": 0.5}, "finished", 2, 3.0, 0.7),
        ("4, seed 14", {"dropout": 0.5}, "running", 0, 0.0, None),
    )
    console = Console(width=100)
    snapshot = Snapshot((Rung(1 / 6, 5), Rung(1.0, 2)), rows, left_s=150.0)
    with console.capture() as shown:
        console.print(live_table(snapshot))
    text = shown.get()
    assert "about 2 min to go" in text
    order = [line.split()[0] for line in text.splitlines() if line.strip()[:1].isdigit()]
    assert order == ["1", "4,", "4", "2", "0", "3"]
    assert "dropout=0.2" in text
    assert "60.00" in text
    many = tuple((str(n), {"dropout": 0.1}, "waiting", 0, 0.0, None) for n in range(50))
    with console.capture() as shown:
        console.print(live_table(Snapshot((Rung(1.0, 50),), many, None)))
    assert "and 30 more" in shown.get()
    assert "to go" not in shown.get()
