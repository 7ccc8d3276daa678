"""A search as a table, in Markdown and as CSV: the same trials, in order, nothing lost."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from rich.console import Console

from nomina.report.search import draw_search, search_markdown, search_table, trials_csv
from nomina.scoring.search import CurvePoint, Rung, Search, TrialRow, Value
from nomina.scoring.significance import Difference

ERROR = 'CUDA out of memory, "tried"\r\nto allocate | 2 GiB\rof [red]`it`'


def trials() -> tuple[TrialRow, ...]:
    curve = (CurvePoint(1.0, 0.5),)
    third = 1 / 3
    return (
        TrialRow(0, {"lr": 2e-5, "fusion": None, "crf": True}, "beaten", 3.0, 1.0, curve, (), 10.0),
        TrialRow(1, {"lr": 5e-5, "fusion": "a,b", "crf": False}, "failed", 3.0, 1.5, curve, (), 15.0, ERROR),
        TrialRow(2, {"lr": 2e-5, "fusion": "a|b", "crf": True}, "finished", 3.0, 3.0, curve, (0.7, 0.8), 60.0),
        TrialRow(3, {"lr": third, "fusion": "[red]", "crf": True}, "finished", 3.0, 3.0, curve, (third, 0.9), 61.5),
        # Finished with one seed only, hence no finalist, however good.
        TrialRow(4, {"lr": 1e-5, "fusion": 'say "x"', "crf": None}, "finished", 3.0, 3.0, curve, (0.9,), 30.0),
        TrialRow(5, {"lr": 1e-4, "fusion": "add", "crf": True}, "failed", 3.0, 0.0, (), (), 0.0, None),
        TrialRow(6, {"lr": 1e-4, "fusion": "add", "crf": True}, "beaten", 3.0, 0.0),
    )


def search(*rows: TrialRow, names: tuple[str, ...] = ("lr", "fusion", "crf"), notes: tuple[str, ...] = ()) -> Search:
    rungs = (Rung(1 / 3, 7), Rung(1.0, 3))
    difference = Difference(0.02, -0.01, 0.05, 0.2) if len(rows) > 1 else None
    return Search("halving", names, rows, rungs, (13, 14), difference, 1200, 1800, notes=notes)


def printed(found: Search, width: int = 100) -> list[str]:
    console = Console(width=width, record=True, file=StringIO())
    console.print(search_table(found))
    return console.export_text().splitlines()


def test_finalists_come_first_then_the_others_by_f1_and_failed_trials_last() -> None:
    lines = [line.split() for line in printed(search(*trials()))]
    rows = [line for line in lines if len(line) > 5 and line[0].isdigit()]
    assert [row[0] for row in rows] == ["2", "3", "4", "0", "6", "1", "5"]
    assert rows[0] == ["2", "2e-05", "a|b", "True", "finished", "3", "75.00", "60"]
    assert rows[1] == ["3", "0.3333", "[red]", "True", "finished", "3", "61.67", "62"]
    assert rows[-2][-4:] == ["failed", "1.5", "50.00", "15"]
    assert rows[-1][-3:] == ["failed", "0", "0"]


def test_caption_names_the_measure() -> None:
    text = " ".join(" ".join(printed(search(*trials()))).split())
    assert "dev F1: seqeval's default, in points; 1,200 dev sentences, 1,800 entities." in text
    assert "Finalists: mean over 2 seeds" in text
    assert "Trials that were not finished: the best" in text
    alone = " ".join(printed(search(TrialRow(0, {"lr": 0.1}, "finished", 3, 3, (), (0.5,)), names=("lr",))))
    assert "Finalists" not in alone
    assert "not finished" not in alone


def test_terminal_table_of_four_settings_fits_eighty_columns_with_whole_values() -> None:
    names = ("learning_rate", "batch_size", "fusion", "constrained")
    settings: dict[str, Value] = dict(zip(names, (2.123e-5, 16, "concat", False), strict=True))
    lines = printed(search(TrialRow(0, settings, "finished", 3, 3, (), (0.5,)), names=names), width=80)
    assert max(map(len, lines)) <= 80
    assert any(
        line.split() == ["0", "2.123e-05", "16", "concat", "False", "finished", "3", "50.00", "0"] for line in lines
    )


def test_markdown_has_the_verdict_the_table_the_errors_and_the_notes() -> None:
    found = search(*trials(), notes=("dev is a part of train",))
    markdown = search_markdown(found)
    assert markdown.startswith(f"# Search\n\n{found.verdict}\n")
    assert "| trial | lr | fusion | crf | state | epochs | dev F1 | s |" in markdown
    assert r"| 2 | 2e-05 | a\|b | True | finished | 3 | 75.00 | 60 |" in markdown
    assert "| 5 | 0.0001 | add | True | failed | 0 |  | 0 |" in markdown
    assert (
        "- trial 1 (`lr=5e-05, fusion=a,b, crf=False`): "
        '`` CUDA out of memory, "tried" to allocate | 2 GiB of [red]`it` ``\n' in markdown
    )
    assert "- trial 5 (`lr=0.0001, fusion=add, crf=True`): `unknown`\n" in markdown
    assert markdown.endswith("\n\n- dev is a part of train\n")


def test_markdown_without_failures_or_notes_ends_with_the_caption() -> None:
    markdown = search_markdown(search(trials()[2]))
    assert "Failed" not in markdown
    assert markdown.endswith("epochs are those of the first.\n")


@pytest.mark.parametrize("rows", [(), trials()[1:2]], ids=["no trials", "all failed"])
def test_nothing_finished_is_still_a_table(rows: tuple[TrialRow, ...]) -> None:
    found = search(*rows)
    assert "No trial was finished" in search_markdown(found)
    assert printed(found)
    assert len(list(csv.DictReader(StringIO(trials_csv(found))))) == len(rows)


def test_csv_gives_back_every_value() -> None:
    found = search(*trials())
    text = trials_csv(found)
    assert "\r" not in text
    read = list(csv.DictReader(StringIO(text, newline="")))
    assert list(read[0]) == [
        *("trial", "lr", "fusion", "crf", "state", "epochs", "full_epochs"),
        *("dev_f1", "f1_seed_13", "f1_seed_14", "train_s", "error"),
    ]
    assert [int(row["trial"]) for row in read] == list(range(7))
    assert [row["fusion"] for row in read[:5]] == ["None", "a,b", "a|b", "[red]", 'say "x"']
    assert [row["crf"] for row in read[:5]] == ["True", "False", "True", "True", "None"]
    assert [row["state"] for row in read] == [row.state for row in found.rows]
    for row, back in zip(found.rows, read, strict=True):
        assert float(back["lr"]) == row.settings["lr"]
        assert (float(back["epochs"]), float(back["full_epochs"])) == (row.epochs, row.full_epochs)
        assert float(back["train_s"]) == row.train_s
        assert (float(back["dev_f1"]) if back["dev_f1"] else None) == row.best
        seeds = [back["f1_seed_13"], back["f1_seed_14"]]
        assert tuple(float(f1) for f1 in seeds if f1) == row.f1
    assert read[1]["error"] == 'CUDA out of memory, "tried"\nto allocate | 2 GiB\nof [red]`it`'
    assert read[5]["error"] == ""


def test_csv_of_numpy_numbers_has_plain_ones() -> None:
    row = TrialRow(0, {"lr": np.float64(0.1)}, "finished", 3.0, 3.0, (), (float(np.float64(0.25)),))
    (read,) = csv.DictReader(StringIO(trials_csv(search(row, names=("lr",)))))
    assert (read["lr"], read["dev_f1"]) == ("0.1", "0.25")


def test_a_setting_named_like_a_column_is_told_apart() -> None:
    row = TrialRow(0, {"epochs": 5, "lr": 0.1}, "beaten", 5.0, 2.0, (CurvePoint(2.0, 0.4),))
    found = search(row, names=("epochs", "lr"))
    (read,) = csv.DictReader(StringIO(trials_csv(found)))
    assert (read["setting_epochs"], read["epochs"], read["lr"]) == ("5", "2.0", "0.1")
    assert "| trial | setting_epochs | lr | state | epochs |" in search_markdown(found)


def test_all_figures_are_saved_by_name(tmp_path: Path) -> None:
    files = draw_search(search(*trials()), tmp_path / "figures")
    assert files == {
        name: tmp_path / "figures" / f"{name}.png" for name in ("settings", "parallel", "importance", "curves", "cost")
    }
    for path in files.values():
        assert path.with_suffix(".svg").exists()
        assert np.ptp(imread(path)[..., :3]) > 0.3
