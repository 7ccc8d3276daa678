from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from nomina.report.export import ExportFacts, Side, export_table, exported_card

FACTS = ExportFacts(
    precision="int8",
    source="dev.conll",
    n_sentences=100,
    n_words=2000,
    n_equal=1990,
    score_difference=0.0123,
    torch=Side(n_bytes=90_000_000, f1=0.8123, words_per_s=1500.4),
    exported=Side(n_bytes=23_700_000, f1=0.8111, words_per_s=6543.2),
)


def test_derived_figures() -> None:
    assert FACTS.equal_share == 0.995
    assert FACTS.f1_loss is not None
    assert abs(FACTS.f1_loss - 0.12) < 1e-9
    assert FACTS.line == (
        "1,990 of 2,000 words of dev.conll have the same label as from torch, with probabilities within 1.2e-02"
    )
    record = FACTS.to_dict()
    assert record["equal_share"] == 0.995
    assert record["torch"] == {"n_bytes": 90_000_000, "f1": 0.8123, "words_per_s": 1500.4}
    empty = replace(FACTS, n_words=0, n_equal=0, torch=Side(n_bytes=1))
    assert (empty.equal_share, empty.f1_loss) == (1.0, None)


def test_rows_hold_what_is_known() -> None:
    assert FACTS.rows() == [
        ("F1", "0.8123", "0.8111"),
        ("F1 loss, points", "", "0.12"),
        ("words with torch's label", "", "99.50%"),
        ("size, MB", "90.0", "23.7"),
        ("words a second", "1,500", "6,543"),
    ]
    bare = replace(FACTS, torch=Side(n_bytes=90_000_000), exported=Side(n_bytes=23_700_000))
    assert bare.rows() == [("size, MB", "90.0", "23.7")]
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(export_table(FACTS))
    shown = console.export_text()
    assert all(cell in shown for row in FACTS.rows() for cell in row)


def test_the_card_gets_one_more_section() -> None:
    card = '---\nlibrary_name: "transformers"\n---\n\n# ner\n\nWhat.\n\n## Use\n\nSo.\n\n## Labels\n\nThese.\n'
    exported = exported_card(card, FACTS, name="ner-int8", version="1.2.3")
    assert exported.startswith('---\nlibrary_name: "onnx"\n---\n\n# ner\n\nWhat.\n\n## Export\n\n')
    assert exported.endswith("\n## Use\n\nSo.\n\n## Labels\n\nThese.\n")
    assert "in int8, exported with nomina 1.2.3" in exported
    assert "| F1 loss, points |  | 0.12 |\n" in exported
    assert FACTS.line in exported
    alone = exported_card("", FACTS, name="ner-int8", version="1.2.3")
    assert alone.startswith("# ner-int8\n\n## Export\n\n")
    assert alone.endswith("| words a second | 1,500 | 6,543 |\n")
