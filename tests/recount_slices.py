"""Entities by what they are like, counted anew from ``predictions.jsonl``; nothing of nomina is imported here."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from recount import Bracket, Counted, Entity, Recount, draw, ends_of, f1

__all__ = ["facets_of", "slices_of"]

_ORDER = {
    "entity length": ["1 word", "2 words", "3 words", "4 or more"],
    "sentence length": ["1-10 words", "11-20 words", "21-30 words", "31-40 words", "41 or more"],
    "in training": ["seen with this type", "seen with another type only", "unseen"],
    "POS of the first word": [],
    "capitalisation": ["lower", "Title", "UPPER", "mixed", "digits", "signs"],
    "document": [],
    "window border": ["near", "elsewhere"],
}
_N_OWN = 12  # of the values without an order, before the others are one


def facets_of(recount: Recount, i: int, entity: Entity) -> dict[str, str]:
    """The value of each facet of an entity of sentence i."""
    row = recount.rows[i]
    words = row["tokens"][entity.start : entity.end]
    values = {
        "entity length": "1 word" if len(words) == 1 else f"{len(words)} words" if len(words) < 4 else "4 or more",
        "sentence length": _sentence_length(len(row["tokens"])),
        "capitalisation": _capitalisation(words),
        "window border": "elsewhere",
    }
    if "pos_tags" in row:
        values["POS of the first word"] = row["pos_tags"][entity.start]
    if row["document"] is not None:
        values["document"] = row["document"]
    if recount.seen is not None:
        key = hashlib.blake2b(" ".join(words).encode(), digest_size=8, person=b"nomina").digest()
        types = {label for label, keys in recount.seen.items() if key in keys}
        seen = "this type" if entity.label in types else "another type only"
        values["in training"] = f"seen with {seen}" if types else "unseen"
    for border in recount.borders[i]:
        n_before, n_after = border - entity.end, entity.start - border  # words between; below 0 on the other side
        if n_before <= 3 and n_after <= 3:
            values["window border"] = "near"
    return values


def _sentence_length(n_words: int) -> str:
    for last in (10, 20, 30, 40):
        if n_words <= last:
            return f"{last - 9}-{last} words"
    return "41 or more"


def _capitalisation(words: Sequence[str]) -> str:
    shapes = []
    for word in words:
        signs = "".join(
            "X" if c.isupper() or c.istitle() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in word[:32]
        )
        shapes.append(re.sub(r"XX+", "\0", re.sub(r"([^X])\1+", r"\1", signs)).replace("\0", "XX")[:8])
    parts = re.split("[^Xx]+", " ".join(shapes))
    parts = [part for part in parts if part]
    if not parts:
        return "digits" if any("d" in shape for shape in shapes) else "signs"
    letters = set("".join(parts))
    if len(letters) == 1:
        return "lower" if letters == {"x"} else "UPPER"
    return "Title" if parts[0] in ("Xx", "X") and all(part in ("Xx", "X", "x") for part in parts) else "mixed"


def slices_of(recount: Recount) -> dict[tuple[str, str], tuple[Counted, tuple[Bracket, Bracket]]]:
    """Counts of each slice and where the ends of its interval lie, in the order of the page."""
    cells: dict[tuple[str, str], dict[int, Counted]] = defaultdict(dict)
    for i, (gold, predicted) in enumerate(zip(recount.gold, recount.predicted, strict=True)):
        for entity in {*gold, *predicted}:
            one = entity in gold and entity in predicted, entity in predicted, entity in gold
            for item in facets_of(recount, i, entity).items():
                before = cells[item].get(i, (0, 0, 0))
                cells[item][i] = Counted(*(a + b for a, b in zip(before, one, strict=True)))
    slices: dict[tuple[str, str], tuple[Counted, tuple[Bracket, Bracket]]] = {}
    for facet, order in _ORDER.items():
        names = _names(facet, order, cells)
        columns = list(dict.fromkeys(names.values()))
        summed: dict[tuple[int, int], Any] = Counter()
        for value, name in names.items():
            for i, counted in cells[facet, value].items():
                before = summed.get((i, columns.index(name)), (0, 0, 0))
                summed[i, columns.index(name)] = Counted(*(a + b for a, b in zip(before, counted, strict=True)))
        if not columns:
            continue
        # How sure the F1 of a document is, its sentences tell.
        units = list(range(len(recount.rows))) if facet == "document" else recount.units
        counts = recount.by_unit(summed, len(columns), units)
        drawn, n_filled = f1(draw(counts)), counts.any(axis=2).sum(axis=0).tolist()
        for column, name in enumerate(columns):
            total = Counted(*map(int, counts[:, column].sum(axis=0)))
            slices[facet, name] = total, ends_of(drawn[:, column], n_filled[column])
    return slices


def _names(facet: str, order: list[str], cells: dict[tuple[str, str], dict[int, Counted]]) -> dict[str, str]:
    """The slice of each value, in the order of the slices."""
    values = [value for name, value in cells if name == facet]
    if order:
        return {value: value for value in order if value in values}
    n_gold = {value: sum(counted.n_gold for counted in cells[facet, value].values()) for value in values}
    values.sort(key=lambda value: (-n_gold[value], value))
    if len(values) <= _N_OWN + 1:
        return {value: value for value in values}
    return {value: value if n < _N_OWN else "(others)" for n, value in enumerate(values)}
