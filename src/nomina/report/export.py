"""What an export proved, as a table in the terminal and as a section of the model card."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from nomina.report.tables import markdown_table

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["ExportFacts", "Precision", "Side", "export_table", "exported_card"]

Precision = Literal["fp32", "int8"]


@dataclass(frozen=True)
class Side:
    """One of the two models that were compared.

    Attributes:
        n_bytes: Size of its weights.
        f1: Micro F1 in seqeval's default mode, in [0, 1]; ``None`` without labels to score against.
        words_per_s: Words labelled a second, encoding not counted; ``None`` where too few were labelled to say.
    """

    n_bytes: int
    f1: float | None = None
    words_per_s: float | None = None


@dataclass(frozen=True)
class ExportFacts:
    """An exported model beside the one it was made from, on the same words.

    Attributes:
        precision: Of the exported weights.
        source: What the words are from.
        n_sentences: Sentences.
        n_words: Words.
        n_equal: Words with the same label from both.
        score_difference: Largest difference between the probabilities of two labels that are the same, in [0, 1].
        torch: The model.
        exported: Its export.
    """

    precision: Precision
    source: str
    n_sentences: int
    n_words: int
    n_equal: int
    score_difference: float
    torch: Side
    exported: Side

    @property
    def equal_share(self) -> float:
        """Share of words with the same label from both, in [0, 1]."""
        return self.n_equal / self.n_words if self.n_words else 1.0

    @property
    def f1_loss(self) -> float | None:
        """By how many points of F1 the export is worse, below 0 where it is better; ``None`` without labels."""
        if self.torch.f1 is None or self.exported.f1 is None:
            return None
        return 100 * (self.torch.f1 - self.exported.f1)

    @property
    def line(self) -> str:
        """How far the two agree, in a sentence."""
        same = "all" if self.n_equal == self.n_words else f"{self.n_equal:,}"
        return (
            f"{same} of {self.n_words:,} words of {self.source} have the same label as from torch, with probabilities "
            f"within {self.score_difference:.1e}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The facts as plain values for JSON, derived ones included."""
        return asdict(self) | {"equal_share": self.equal_share, "f1_loss": self.f1_loss}

    def rows(self) -> list[tuple[str, str, str]]:
        """The figures of both, by name; those that are not known are left out."""
        sides = (self.torch, self.exported)
        rows = [("size, MB", *(f"{side.n_bytes / 1e6:,.1f}" for side in sides))]
        if self.f1_loss is not None:
            rows.insert(0, ("F1", *(f"{side.f1 or 0:.4f}" for side in sides)))
            rows.insert(1, ("F1 loss, points", "", f"{self.f1_loss:.2f}"))
            rows.insert(2, ("words with torch's label", "", f"{self.equal_share:.2%}"))
        if self.exported.words_per_s is not None:
            rows.append(("words a second", *(f"{side.words_per_s or 0:,.0f}" for side in sides)))
        return [(name, torch, exported) for name, torch, exported in rows]


def export_table(facts: ExportFacts) -> Table:
    """The figures of both for the terminal."""
    from rich.table import Table

    table = Table(title=f"Export in {facts.precision}, on {facts.source}")
    table.add_column("")
    for name in ("torch", f"ONNX {facts.precision}"):
        table.add_column(name, justify="right")
    for row in facts.rows():
        table.add_row(*row)
    return table


def exported_card(card: str, facts: ExportFacts, *, name: str, version: str) -> str:
    """The card of an export: that of the model, with a section on the export before the one on its use.

    Args:
        card: The model's card; may be empty.
        facts: What was compared.
        name: Name of the exported folder.
        version: The version of nomina that exported.
    """
    section = (
        f"## Export\n\nThis folder holds the model as an ONNX graph in {facts.precision}, exported with nomina "
        f"{version}. It is opened by its own name, needs neither torch nor transformers, and computes on the CPU. "
        f"Scores elsewhere on this page are those of the model in torch. Compared at export: {facts.line}.\n\n"
        f"{markdown_table(('', 'torch', f'ONNX {facts.precision}'), facts.rows())}"
    )
    card = card.replace('library_name: "transformers"', 'library_name: "onnx"', 1)
    head, use, rest = card.partition("## Use\n")
    return f"{head.rstrip() or f'# {name}'}\n\n{section}\n{use}{rest}".rstrip("\n") + "\n"
