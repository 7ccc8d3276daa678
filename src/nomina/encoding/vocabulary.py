"""``Vocabulary``: a frozen two-way table between strings and ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nomina.data.records import MISSING
from nomina.data.tags import Scheme

__all__ = ["UNKNOWN", "Vocabulary"]

UNKNOWN = "<unknown>"
"""The value, always id 0 of a token feature, that stands for values not seen in training and for missing ones."""


@dataclass(frozen=True)
class Vocabulary:
    """Strings and their ids, 0 to ``len - 1``, in a fixed order.

    Attributes:
        values: The strings; the index is the id.
        unknown: Id given to strings that are not in ``values``, or ``None`` where there is no such id.
    """

    values: tuple[str, ...]
    unknown: int | None = None
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = {value: i for i, value in enumerate(self.values)}
        if len(ids) != len(self.values):
            twice = sorted(value for value, n in Counter(self.values).items() if n > 1)
            raise ValueError(f"values of a vocabulary must differ, found twice: {twice}")
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def of_feature(cls, columns: Iterable[Sequence[str]]) -> Vocabulary:
        """The values of one token feature over a corpus, most frequent first, after :data:`UNKNOWN` (id 0).

        ``_``, which stands where a file gives no value, is unknown, too.
        """
        counts = Counter(value for column in columns for value in column)
        for nothing in (UNKNOWN, MISSING):
            counts.pop(nothing, None)
        # Ties in alphabetical order: the ids must not depend on the order of the sentences.
        ordered = sorted(counts, key=lambda value: (-counts[value], value))
        return cls((UNKNOWN, *ordered), unknown=0)

    @classmethod
    def of_labels(cls, types: Iterable[str], scheme: Scheme = Scheme.IOB2) -> Vocabulary:
        """``O``, then the scheme's tags of each entity type in alphabetical order."""
        prefixes = {Scheme.BIOES: "BIES", Scheme.BILOU: "BILU"}.get(scheme, "BI")
        return cls(("O", *(f"{prefix}-{label}" for label in sorted(set(types)) for prefix in prefixes)))

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __contains__(self, value: object) -> bool:
        return value in self._ids

    def id(self, value: str) -> int:
        """Id of one string.

        Raises:
            KeyError: If the string is not in the vocabulary and there is no unknown.
        """
        found = self._ids.get(value, self.unknown)
        if found is None:
            raise KeyError(value)
        return found

    def ids(self, values: Iterable[str], default: int | None = None) -> npt.NDArray[np.int32]:
        """Ids of many strings.

        Args:
            values: The strings, n of them.
            default: Id for strings that are not in the vocabulary; the unknown's where ``None``.

        Returns:
            int32 array, shape [n].

        Raises:
            KeyError: If a string has no id and there is neither default nor unknown.
        """
        fallback = self.unknown if default is None else default
        if fallback is None:
            return np.fromiter((self._ids[value] for value in values), dtype=np.int32)
        get = self._ids.get
        return np.fromiter((get(value, fallback) for value in values), dtype=np.int32)
