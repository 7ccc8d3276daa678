"""One small evaluation in which everything occurs: misses, repaired tags, a missing word, a type without gold."""

from __future__ import annotations

import pytest

from nomina.scoring import Evaluation, score


@pytest.fixture
def evaluation() -> Evaluation:
    gold = [["B-per", "I-per", "O"], ["B-geo", "O", "B-geo"], ["O", "B-geo"], ["B-per", "O"]]
    predicted = [["B-per", "I-per", "O"], ["I-geo", "O", "B-geo"], ["O"], ["B-per", "B-art"]]
    return score(gold, predicted)
