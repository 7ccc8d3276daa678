"""Figures from counts: against conlleval's published example and against what JSON keeps of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomina.data.tags import Scheme
from nomina.scoring import Counts, Scores

# https://www.clips.uantwerpen.be/conll2000/chunking/output.html: 961 tokens with 459 phrases; found 539, correct 371.
# type: correct, found, phrases; precision, recall and FB1 in percent as printed there.
CONLLEVAL = {
    "ADJP": ((0, 1, 6), (0.00, 0.00, 0.00)),
    "ADVP": ((5, 11, 8), (45.45, 62.50, 52.63)),
    "NP": ((206, 317, 262), (64.98, 78.63, 71.16)),
    "PP": ((89, 107, 90), (83.18, 98.89, 90.36)),
    "SBAR": ((2, 3, 6), (66.67, 33.33, 44.44)),
    "VP": ((69, 100, 87), (69.00, 79.31, 73.80)),
}
OVERALL = (68.83, 80.83, 74.35)

counts = st.tuples(*[st.integers(0, 500)] * 3).map(lambda c: Counts(min(c), c[1], c[2]))


def published() -> Scores:
    return Scores(Scheme.IOB2, "default", {name: Counts(*numbers) for name, (numbers, _) in CONLLEVAL.items()})


def percent(scored: Counts | Scores) -> tuple[float, ...]:
    return tuple(round(100 * figure, 2) for figure in (scored.precision, scored.recall, scored.f1))


@pytest.mark.parametrize("name", CONLLEVAL)
def test_figures_of_a_type_are_those_that_conlleval_prints(name: str) -> None:
    assert percent(published().by_type[name]) == CONLLEVAL[name][1]


def test_overall_figures_are_those_that_conlleval_prints() -> None:
    scores = published()
    assert scores.micro == Counts(371, 539, 459)
    assert percent(scores.micro) == percent(scores) == OVERALL


def test_nothing_to_divide_by_gives_zero() -> None:
    nothing = Scores(Scheme.IOB2, "strict", {})
    assert (nothing.precision, nothing.recall, nothing.f1) == (0.0, 0.0, 0.0)
    assert nothing.macro == nothing.weighted == (0.0, 0.0, 0.0, 0)
    assert Counts(0, 3, 0).recall == Counts(0, 0, 3).precision == 0.0


def test_only_predicted_types_weigh_nothing_in_the_weighted_average() -> None:
    scores = Scores(Scheme.IOB2, "default", {"loc": Counts(3, 3, 3), "per": Counts(0, 5, 0)})
    assert scores.weighted == (1.0, 1.0, 1.0, 3)
    assert scores.macro == (0.5, 0.5, 0.5, 3)


@given(
    by_type=st.dictionaries(st.text(min_size=1), counts), n_repaired=st.integers(0, 99), scheme=st.sampled_from(Scheme)
)
def test_scores_survive_json(by_type: dict[str, Counts], n_repaired: int, scheme: Scheme) -> None:
    scores = Scores(scheme, "strict", by_type, n_repaired)
    assert Scores.from_dict(json.loads(json.dumps(scores.to_dict()))) == scores


@given(counts)
def test_figures_stay_between_zero_and_one(counted: Counts) -> None:
    assert all(0.0 <= figure <= 1.0 for figure in (counted.precision, counted.recall, counted.f1))
    assert (
        min(counted.precision, counted.recall) - 1e-12 <= counted.f1 <= max(counted.precision, counted.recall) + 1e-12
    )


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="'default' or 'strict', found 'lenient'"):
        Scores.from_dict({**published().to_dict(), "mode": "lenient"})
