"""Word pieces: words that have none, and sentences that do not fit into a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from nomina.data.audit.records import Example, Finding, PieceFacts, Thresholds, finding
from nomina.data.audit.view import View, count

__all__ = ["find_piece_faults"]


def find_piece_faults(parts: Sequence[View], pieces: Mapping[str, PieceFacts], thresholds: Thresholds) -> list[Finding]:
    """What an encoder's tokenizer cannot show to the model as it stands."""
    found = []
    for part in parts:
        facts = pieces.get(part.name)
        if facts is None:
            continue
        found += _words(part, "no_piece", facts.without_piece, f"no piece of {facts.encoder}", thresholds)
        found += _words(part, "unknown_piece", facts.unknown, f"only the unknown piece of {facts.encoder}", thresholds)
        if facts.n_over_limit:
            share = facts.n_over_limit / len(part.corpus)
            message = f"{count(facts.n_over_limit, 'sentence')} ({share:.1%}) of more than {facts.limit:,} pieces"
            examples = [
                Example(part.place(i), f"{len(part.corpus[i]):,} words") for i in facts.longest[: thresholds.n_examples]
            ]
            found.append(finding("over_limit", message, facts.n_over_limit, part.name, examples))
    return found


def _words(part: View, kind: str, words: Mapping[str, int], what: str, thresholds: Thresholds) -> list[Finding]:
    n = sum(words.values())
    if not n:
        return []
    examples = [part.example(i, j) for i, j in islice(part.find(words), thresholds.n_examples)]
    return [finding(kind, f"{count(n, 'word')} with {what}", n, part.name, examples)]
