"""Which tag was taken for which, word by word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nomina.data.tags import OUTSIDE
from nomina.scoring.alignment import Predictions, TagSequences, pad_predictions
from nomina.scoring.spans import CodedTags, code_tags

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LabelConfusion", "count_words", "label_confusion", "order_labels"]

_PREFIX_ORDER = "BIELSU"


@dataclass(frozen=True, slots=True)
class LabelConfusion:
    """Words by gold tag and predicted tag.

    Attributes:
        labels: The tags, of rows and columns alike.
        counts: ``[n_labels][n_labels]``, rows gold, columns predicted.

    Raises:
        ValueError: If the counts are not one row and one column per label.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        n_labels = len(self.labels)
        if len(self.counts) != n_labels or any(len(row) != n_labels for row in self.counts):
            raise ValueError(f"expected {n_labels} rows and columns of counts, one per label")

    @property
    def matrix(self) -> NDArray[np.int64]:
        """The counts as an array, ``[n_labels, n_labels]``."""
        import numpy as np

        return np.array(self.counts, dtype=np.int64).reshape(len(self.labels), len(self.labels))

    def without_outside(self) -> LabelConfusion:
        """The same without the row and the column of ``O``: what was found, and taken for what."""
        kept = [i for i, label in enumerate(self.labels) if label != OUTSIDE]
        return LabelConfusion(
            labels=tuple(self.labels[i] for i in kept),
            counts=tuple(tuple(self.counts[i][j] for j in kept) for i in kept),
        )

    def normalised(self) -> NDArray[np.float64]:
        """Each row as shares of its sum, ``[n_labels, n_labels]`` in [0, 1]; a row without words stays 0."""
        import numpy as np

        matrix = self.matrix.astype(np.float64)
        sums = matrix.sum(axis=1, keepdims=True)
        shares: NDArray[np.float64] = np.divide(matrix, sums, out=np.zeros_like(matrix), where=sums > 0)
        return shares

    def to_dict(self) -> dict[str, Any]:
        """Labels and counts as plain lists for JSON."""
        return {"labels": list(self.labels), "counts": [list(row) for row in self.counts]}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> LabelConfusion:
        """Read what :meth:`to_dict` wrote."""
        return cls(tuple(record["labels"]), tuple(tuple(int(count) for count in row) for row in record["counts"]))


def label_confusion(gold: TagSequences, predicted: Predictions, labels: Sequence[str] | None = None) -> LabelConfusion:
    """Count words by gold and predicted tag.

    Args:
        gold: One tag per word and sentence.
        predicted: As ``gold``; missing words count as ``O``.
        labels: The tags and their order, for a matrix that does not depend on the data; else the tags that occur and
            ``O``, in the order of :func:`order_labels`.

    Raises:
        ValueError: If a prediction is longer than its sentence, or a tag is not among ``labels``.
        TagError: On a tag that is none.
    """
    own, found = code_tags(gold, pad_predictions(gold, predicted).sequences)
    return count_words(own, found, labels)


def count_words(gold: CodedTags, predicted: CodedTags, labels: Sequence[str] | None = None) -> LabelConfusion:
    """The same from tags of both sides that :func:`~nomina.scoring.spans.code_tags` coded together."""
    import numpy as np

    tags = gold.tag_set.tags
    flat = np.bincount(gold.ids.astype(np.int64) * len(tags) + predicted.ids, minlength=len(tags) ** 2)
    flat[0] -= len(gold.ids) - gold.lengths.sum()  # the O's between sentences are no words
    matrix = flat.reshape(len(tags), len(tags))
    if labels is None:
        labels = order_labels(tags)
    index = {label: i for i, label in enumerate(labels)}
    used = [i for i, tag in enumerate(tags) if tag in index or matrix[i].any() or matrix[:, i].any()]
    unknown = [tags[i] for i in used if tags[i] not in index]
    if unknown:
        raise ValueError(f"expected one of the labels {', '.join(labels)}, found {unknown[0]!r}")
    places = [index[tags[i]] for i in used]
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    counts[np.ix_(places, places)] = matrix[np.ix_(used, used)]
    return LabelConfusion(tuple(labels), tuple(map(tuple, counts.tolist())))


def order_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """``O`` first, then by type alphabetically, within a type by prefix: B, I, E or L, S or U."""

    def key(label: str) -> tuple[bool, str, int, str]:
        prefix, _, name = label.partition("-")
        return label != OUTSIDE, name, _PREFIX_ORDER.find(prefix), prefix

    return tuple(sorted(set(labels), key=key))
