"""What the page of a report must say, from figures counted anew; nothing of nomina is imported here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from printed import Page, Place
from recount import KINDS, Bracket, Entity, Pair, Recount, kind_of
from recount_slices import facets_of, slices_of

__all__ = ["Expected", "Facts", "error_faults", "expected_texts", "text_faults"]

MISSED, SPURIOUS = "MISSED", "SPURIOUS"
HEADERS = ("precision", "recall", "F1")


@dataclass(frozen=True)
class Facts:
    """What a page tells besides its scores.

    Attributes:
        source: Name of the evaluated corpus.
        predict_s: Between which two numbers the seconds of predicting lie.
        subtitle: End of the line below the title.
        rival: Name and tags of another model.
        by_tags: Tags under each choice of part-of-speech tags, by what these were.
        has_figures: Whether there are figures; what is drawn in them is no text and not looked at.
        texts: Texts that say what was asked for, or how the training went, not how good the model is.
    """

    source: str
    predict_s: Bracket
    subtitle: str = ""
    rival: tuple[str, list[list[str]]] | None = None
    by_tags: Mapping[str, list[list[str]]] = field(default_factory=dict)
    has_figures: bool = True
    texts: Mapping[Place, str] = field(default_factory=dict)


class Expected(NamedTuple):
    """A text with gaps such as ``{4}``, for a number of four decimals, and where these numbers lie; or another one."""

    text: str
    numbers: tuple[Bracket, ...] = ()
    other: Expected | None = None

    def fault(self, printed: str) -> str | None:
        own = self._fault(printed)
        return own if own is None or self.other is None else self.other.fault(printed)

    def _fault(self, printed: str) -> str | None:
        literals, decimals = re.split(r"\{\d\}", self.text), re.findall(r"\{(\d)\}", self.text)
        pattern = re.escape(literals[0])
        for n, literal in zip(decimals, literals[1:], strict=True):
            fraction = r"\." + r"\d" * int(n) if n != "0" else ""
            pattern += f"([+-]?[0-9,]+{fraction})" + re.escape(literal)
        match = re.fullmatch(pattern, printed)
        if match is None:
            return f"expected {self.text!r}, found {printed!r}"
        for n, text, (low, high) in zip(decimals, match.groups(), self.numbers, strict=True):
            half = 0.5 * 10 ** -int(n) + 1e-9
            if not low - half <= float(text.replace(",", "")) <= high + half:
                return f"expected {low:.6f} to {high:.6f} in {self.text!r}, found {text}"
        return None


Texts: TypeAlias = dict[Place, Expected]


def _exactly(value: float) -> Bracket:
    return float(value), float(value)


def _share(value: float) -> Expected:
    return Expected("{4}", (_exactly(value),))


def _range(ends: tuple[Bracket, Bracket], after: str = "") -> Expected:
    return Expected("{4} to {4}" + after, ends)


def text_faults(page: Page, expected: Texts) -> list[str]:
    """Every number of the page that is not the expected one, is missing, or stands where none is expected.

    Of the audit of the data, whose numbers have tests of their own, only the sizes are looked at.
    """
    numbers = {at: text for at, text in page.numbers.items() if at[0] != "data" or at in expected}
    faults = [f"{place}: {fault}" for place in expected if (fault := expected[place].fault(page.texts.get(place, "")))]
    faults += [f"{at}: nothing is known of {text!r}" for at, text in numbers.items() if at not in expected]
    if not faults and list(numbers) != list(expected):
        moved = next(a for a, b in zip(numbers, expected, strict=True) if a != b)
        faults.append(f"{moved}: not in its place")
    return faults


def expected_texts(recount: Recount, facts: Facts) -> Texts:
    """Every text with a number, in the order of the page."""
    ends = recount.intervals()
    size = f"{len(recount.rows):,} sentences, {recount.n_words:,} words"
    n_units, n_repaired = max(recount.units) + 1, recount.n_repaired
    units = f"{n_units:,} {'sentences' if n_units == len(recount.rows) else 'documents'}"
    texts: Texts = {("head", "p", "number 1"): Expected(f"{facts.source}: {size}{facts.subtitle}")}
    texts |= _key_figures(recount, ends)
    repaired = f"{n_repaired:,} predicted sequence{'s' if n_repaired != 1 else ''} repaired by the default mode"
    texts["summary", "p", "number 1"] = Expected(
        f"seqeval, {recount.scheme}, default (as conlleval) and strict; {size}; {repaired}. "
        f"95 % intervals by 10,000 draws of {units}."
    )
    if facts.rival is not None:
        texts["summary", "p", "number 2"] = _verdict(recount, *facts.rival)
    texts |= _readings(recount) | _by_tags(recount, facts) | _types(recount, ends) | _confusion(recount)
    texts |= _confidence(recount, facts)
    whiskers = "F1 of parts of the entities; whiskers are 95 % intervals."
    if facts.has_figures:
        texts["slices", "figcaption", "number 1"] = Expected(whiskers)
    for (facet, value), (counted, its_ends) in slices_of(recount).items():
        row: Place = "slices", "Scores by slice", f"{facet}: {value}"
        texts |= {(*row, "gold"): Expected(f"{counted.n_gold:,}")}
        texts |= {(*row, "predicted"): Expected(f"{counted.n_predicted:,}")}
        texts |= _shares(row, counted.shares)
        texts |= {(*row, "95 % interval"): _range(its_ends)}
    texts["errors", "p", "number 1"] = _errors(recount)
    shortest, longest = facts.predict_s
    speed = recount.n_words / longest, recount.n_words / shortest
    predicting = Expected("{1} s, {0} words a second", (facts.predict_s, speed))
    others = {place: Expected(text) for place, text in facts.texts.items() if place[0] != "confidence"}
    last = {place: others.pop(place) for place in list(others) if place[0] == "settings"}
    return texts | others | {("training", "predicting"): predicting} | last


def _shares(row: Place, shares: Sequence[float]) -> Texts:
    return {(*row, header): _share(share) for header, share in zip(HEADERS, shares, strict=True)}


def _key_figures(recount: Recount, ends: Sequence[tuple[Bracket, Bracket]]) -> Texts:
    precision, recall, f1 = recount.seqeval(strict=False)
    macro = recount.seqeval(strict=False, average="macro")[2]
    figures = {
        "F1": (f1, ends[2]),
        "precision": (precision, ends[0]),
        "recall": (recall, ends[1]),
        "macro F1": (macro, ends[3]),
    }
    texts: Texts = {}
    for name, (value, interval) in figures.items():
        texts["summary", name] = _share(value)
        texts["summary", name, "note"] = _range(interval, " (95 %)")
    texts["summary", "entities"] = Expected(f"{sum(map(len, recount.gold)):,}")
    texts["summary", "entities", "note"] = Expected(f"{len(recount.rows):,} sentences")
    texts["summary", "calibration error"] = Expected("{4}", recount.reliability(calibrated=True)[:1])
    return texts


def _verdict(recount: Recount, name: str, tags: list[list[str]]) -> Expected:
    f1, (low, high), p_value = recount.difference(tags)
    numbers = [(100 * start, 100 * end) for start, end in (_exactly(f1), low, high)]
    text = f"F1 {{2}} points from {name} (95 % interval {{2}} to {{2}}, p {{4}}): "
    # Where the p-value may be on either side of 0.05, the verdict must be that of the printed one.
    is_real = Expected(f"{text}more than noise.", (*numbers, (p_value[0], min(p_value[1], 0.05))))
    is_noise = Expected(f"{text}not beyond noise.", (*numbers, (max(p_value[0], 0.05), p_value[1])))
    return is_real._replace(other=is_noise)


def _readings(recount: Recount) -> Texts:
    readings = {f"seqeval {mode}": recount.seqeval(strict=mode == "strict") for mode in ("default", "strict")}
    readings |= {f"nervaluate {mode}": shares for mode, shares in recount.nervaluate().items()}
    texts: Texts = {}
    for name, shares in readings.items():
        texts |= _shares(("summary", "By what counts as right", name), shares)
    return texts


def _by_tags(recount: Recount, facts: Facts) -> Texts:
    texts: Texts = {}
    for name, tags in facts.by_tags.items():
        row = "summary", "By the part-of-speech tags", name
        texts |= _shares(row, recount.seqeval(strict=False, tags=tags))
    return texts


def _types(recount: Recount, ends: Sequence[tuple[Bracket, Bracket]]) -> Texts:
    default, strict = (recount.seqeval_types(strict=mode) for mode in (False, True))
    rows = []
    for label, interval in zip(recount.types, ends[4:], strict=True):
        counted = recount.counted(label)
        assert max(abs(a - b) for a, b in zip(counted.shares, default[label], strict=True)) < 1e-12
        strict_f1 = strict[label][2] if label in strict else 0.0
        rows.append((label, counted.n_gold, default[label], {"95 % interval of F1": _range(interval)}, strict_f1))
    n_gold = recount.counted().n_gold
    for name in ("micro", "macro", "weighted"):
        shares, others = (recount.seqeval(strict=mode, average=name) for mode in (False, True))
        rows.append((name, n_gold, shares, {}, others[2]))
    texts: Texts = {}
    for name, support, shares, intervals, strict_f1 in rows:
        row: Place = "types", "Scores by entity type", name
        texts |= {(*row, "entities"): Expected(f"{support:,}")} | _shares(row, shares)
        texts |= {(*row, header): interval for header, interval in intervals.items()}
        texts |= {(*row, "F1 strict"): _share(strict_f1)}
    return texts


def _confusion(recount: Recount) -> Texts:
    exact: Counter[tuple[str, str]] = Counter()
    shared: Counter[tuple[str, str]] = Counter()
    for gold, predicted in (pair for pairs in recount.pairs for pair in pairs):
        cell = SPURIOUS if gold is None else gold.label, MISSED if predicted is None else predicted.label
        is_exact = gold is None or predicted is None or gold[1:] == predicted[1:]
        (exact if is_exact else shared)[cell] += 1
    caption = "Entities with the same words, by gold and predicted type; those without a partner"
    places = [(label, found) for label in (*recount.types, SPURIOUS) for found in (*recount.types, MISSED)]
    texts: Texts = {("confusion", caption, *cell): Expected(f"{exact[cell]:,}") for cell in places}
    caption = "Entities that share words, but not all"
    if shared:
        places = [(label, found) for label in recount.types for found in recount.types]
        texts |= {("confusion", caption, *cell): Expected(f"{shared[cell]:,}") for cell in places}
    return texts


def _confidence(recount: Recount, facts: Facts) -> Texts:
    before, after = (recount.reliability(calibrated=calibrated) for calibrated in (False, True))
    texts: Texts = {
        ("confidence", "temperature"): _share(recount.temperature),
        ("confidence", "expected calibration error before"): Expected("{4}", before[:1]),
        ("confidence", "expected calibration error after"): Expected("{4}", after[:1]),
        ("confidence", "Brier score before"): Expected("{4}", before[1:]),
        ("confidence", "Brier score after"): Expected("{4}", after[1:]),
        **{place: Expected(text) for place, text in facts.texts.items() if place[0] == "confidence"},
    }
    best = recount.best_threshold
    thresholds = {"all": 0.0, "best F1": best, **{f"{t:.2f}": t for t in (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)}}
    for name, threshold in thresholds.items():
        assert name in ("all", "best F1") or recount.is_clear(threshold), (
            f"scores at {threshold}; take other predictions"
        )
        counted = recount.above(threshold)
        row: Place = "confidence", "Spans above a confidence", name
        slack = 1e-6 if name == "best F1" else 0.0
        texts |= {(*row, "confidence at least"): Expected("{4}", ((threshold - slack, threshold + slack),))}
        texts |= {(*row, "spans"): Expected(f"{counted.n_predicted:,}")}
        texts |= _shares(row, counted.shares)
    return texts


def _errors(recount: Recount) -> Expected:
    n_errors = [sum(kind_of(pair) != "correct" for pair in pairs) for pairs in recount.pairs]
    return Expected(
        f"{sum(map(bool, n_errors)):,} of {len(recount.rows):,} sentences have at least one error, {sum(n_errors):,} "
        "errors in all. A filter shows the sentences in which one error has everything that is asked for; the numbers "
        "beside the filters count errors."
    )


def error_faults(page: Page, recount: Recount, facts: Facts) -> list[str]:
    """Sentences of the error browser that differ from those that are wrong by the file of predictions."""
    shown = list(_shown(page.errors))
    wrong = [i for i, pairs in enumerate(recount.pairs) if any(kind_of(pair) != "correct" for pair in pairs)]
    if len(shown) != len(wrong):
        return [f"expected {len(wrong)} sentences, found {len(shown)}"]
    faults = []
    for i, sentence in zip(wrong, shown, strict=True):
        expected = _sentence(recount, i, facts.source)
        confidence, own = (one.pop("confidence") for one in (sentence, expected))
        if sentence != expected or confidence.keys() != own.keys():
            faults.append(f"sentence {i}: expected {expected}, found {sentence}")
        elif any(abs(value - 10_000 * own[pair]) > 0.5 + 0.01 for pair, value in confidence.items()):
            faults.append(f"sentence {i}: expected confidences {own}, found {confidence}")
    return faults


def _sentence(recount: Recount, i: int, source: str) -> dict[str, Any]:
    row, pairs = recount.rows[i], recount.pairs[i]
    entities = {e for pair in pairs if kind_of(pair) != "correct" for e in pair if e is not None}
    facets = [facets_of(recount, i, entity) for entity in entities]
    scores = dict(zip(sorted(recount.predicted[i], key=lambda e: e.start), row["scores"], strict=True))
    return {
        "words": row["tokens"],
        "pos": row.get("pos_tags"),
        "pairs": {(kind_of(pair), pair) for pair in pairs},
        "n_pairs": len(pairs),
        "confidence": {pair: scores[pair[1]] for pair in pairs if pair[1] is not None},
        "document": row["document"],
        "place": f"{source}:{row['line']}",
        "slices": {name: {facet[name] for facet in facets} for name in facets[0] if name != "document"},
    }


def _shown(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The sentences of the browser's data, in which everything is a number into some list."""
    assert [key for key, _ in payload["kinds"]] == list(KINDS)
    types, slices = payload["types"], payload["slices"]

    def entity(numbers: Sequence[int]) -> Entity | None:
        return None if numbers[0] < 0 else Entity(types[numbers[0]], *numbers[1:])

    for words, tags, numbers, document, place, values in payload["sentences"]:
        rows = [numbers[at : at + 8] for at in range(0, len(numbers), 8)]
        pairs: list[tuple[str, Pair, int]] = [(KINDS[n[0]], (entity(n[1:4]), entity(n[4:7])), n[7]) for n in rows]
        yield {
            "words": [payload["words"][word] for word in words],
            "pos": None if tags == 0 else [payload["tags"][tag] for tag in tags],
            "pairs": {(kind, pair) for kind, pair, _ in pairs},
            "n_pairs": len(pairs),
            "confidence": {pair: sure for _, pair, sure in pairs if sure >= 0},
            "document": None if document < 0 else payload["documents"][document],
            "place": place,
            "slices": {name: {known[v] for v in own} for (name, known), own in zip(slices, values, strict=True)},
        }
