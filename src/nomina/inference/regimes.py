"""Under which part-of-speech tags a model can be judged on a corpus, and its predictions under each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nomina.data.records import MISSING, Sentence
from nomina.data.tagsets import POS, differ
from nomina.inference.prediction import Prediction
from nomina.inference.predictor import Predictor
from nomina.inference.tag_sources import with_tags

__all__ = ["REGIMES", "Regime", "predict_under", "regimes_of", "tag_accuracy"]

Regime = Literal["words", "given", "source", "none", "shuffled"]

REGIMES: dict[Regime, str] = {
    "words": "the model reads no part-of-speech tags",
    "given": "the corpus's own tags",
    "source": "tags of the model's own source",
    "none": "no tags at all",
    "shuffled": "the corpus's tags, dealt out at random over its words",
}
"""What the tags of each regime are."""


def regimes_of(predictor: Predictor, sentences: Sequence[Sentence]) -> tuple[Regime, ...]:
    """The regimes that make a difference, the one to judge the model by first.

    A model is judged by the tags it was trained for: its source's where it learnt from those, else the corpus's own. A
    joint head always stands in for missing tags, so that there is no regime without any. The corpus's own are none to
    judge by where they are of another tag set and the model has a source; without a source, predicting says so.
    """
    if POS not in predictor.features:
        return ("words",)
    own = {tag for sentence in sentences for tag in sentence.features.get(POS, ()) if tag != MISSING}
    is_other = predictor.pos_source != "none" and differ(predictor.features[POS].values[1:], own)
    regimes: list[Regime] = ["given"] if own and not is_other else []
    if predictor.pos_source != "none":
        regimes.insert(0 if predictor.settings.trained_on_source else len(regimes), "source")
    if predictor.pos_source != "joint":
        regimes.append("none")
    return tuple(regimes)


def predict_under(
    predictor: Predictor, sentences: Sequence[Sentence], regime: Regime, *, seed: int = 13, progress: bool = False
) -> list[Prediction]:
    """Predict under one regime.

    Args:
        predictor: The model.
        sentences: What to label.
        regime: Which tags it reads.
        seed: Of the shuffling, 0 or more.
        progress: Whether to draw a progress bar (on a terminal).
    """
    if regime == "shuffled":
        sentences = _shuffled(sentences, seed)
    tags: Literal["auto", "source", "none"] = "source" if regime == "source" else "none" if regime == "none" else "auto"
    predictions = predictor.predict(sentences, tags=tags, progress=progress)
    assert isinstance(predictions, list)
    return predictions


def _shuffled(sentences: Sequence[Sentence], seed: int) -> list[Sentence]:
    tags = [tag for sentence in sentences for tag in sentence.features.get(POS, ())]
    dealt = (tags[i] for i in np.random.default_rng(seed).permutation(len(tags)))
    return [with_tags(s, tuple(next(dealt) for _ in s.words)) if POS in s.features else s for s in sentences]


def tag_accuracy(gold: Sequence[Sentence], predictions: Sequence[Prediction]) -> float | None:
    """Share of words whose tag, as the model read or found it, is the corpus's own.

    Words without a tag of their own (``_``) are left out. ``None`` where no others are left, or where the two are of
    different tag sets.
    """
    pairs = [
        (own, read)
        for sentence, prediction in zip(gold, predictions, strict=True)
        for own, read in zip(sentence.features.get(POS, ()), prediction.pos or (), strict=False)
        if own != MISSING
    ]
    if not pairs or differ({read for _, read in pairs}, {own for own, _ in pairs}):
        return None
    return sum(own == read for own, read in pairs) / len(pairs)
