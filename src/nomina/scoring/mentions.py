"""What was named in training: to tell mentions that a model has learned by heart from those that it has not seen.

A model folder keeps hashes of the mentions, 8 bytes each, so that a model can be judged without its training data and
shown without it. A hash does not give its mention away, but whoever guesses a mention can check the guess. A folder
whose ``mentions.json`` was deleted works as before; its scores are then not told apart by this.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from nomina.data.records import Sentence
from nomina.errors import ModelError
from nomina.files import write_text
from nomina.scoring.chunks import default_chunks

__all__ = ["MENTIONS_FILE", "SEEN", "Seen", "SeenMentions", "load_mentions", "save_mentions", "seen_mentions"]

MENTIONS_FILE = "mentions.json"
"""Its name in a model folder."""

Seen: TypeAlias = Literal["seen with this type", "seen with another type only", "unseen"]

SEEN: tuple[Seen, ...] = ("seen with this type", "seen with another type only", "unseen")

_N_BYTES = 8  # of 30,000 mentions, one unseen mention in 6e14 is taken for a seen one
_HASH = "blake2b, 8 bytes, person 'nomina', of the words joined by spaces in UTF-8"


@dataclass(frozen=True)
class SeenMentions:
    """The mentions of a training part.

    Attributes:
        by_type: Hashes of the mentions of each entity type, 8 bytes each.
    """

    by_type: Mapping[str, frozenset[bytes]]

    def __len__(self) -> int:
        return sum(map(len, self.by_type.values()))

    def seen(self, words: Sequence[str], label: str) -> Seen:
        """Whether a mention, letter by letter, was an entity in training.

        Args:
            words: Its words.
            label: Its entity type.
        """
        key = _hash(words)
        if key in self.by_type.get(label, ()):
            return "seen with this type"
        if any(key in keys for keys in self.by_type.values()):
            return "seen with another type only"
        return "unseen"


def seen_mentions(sentences: Iterable[Sentence]) -> SeenMentions:
    """Gather the gold entities of sentences, in seqeval's default reading.

    Args:
        sentences: The training part; sentences without labels name nothing.
    """
    by_type: dict[str, set[bytes]] = {}
    for sentence in sentences:
        for label, start, end in default_chunks(sentence.labels or ()):
            by_type.setdefault(label, set()).add(_hash(sentence.words[start:end]))
    return SeenMentions({label: frozenset(by_type[label]) for label in sorted(by_type)})


def save_mentions(mentions: SeenMentions, path: Path) -> None:
    """Write mentions as JSON: for each type the sorted hashes, one after another, in base64.

    Raises:
        OutputError: If the file cannot be written.
    """
    types = {label: b64encode(b"".join(sorted(keys))).decode() for label, keys in mentions.by_type.items()}
    write_text(path, json.dumps({"hash": _HASH, "types": types}, ensure_ascii=False, indent=1) + "\n")


def load_mentions(path: Path) -> SeenMentions | None:
    """Read what :func:`save_mentions` wrote.

    Returns:
        The mentions; ``None`` where there is no such file, as in folders of older versions.

    Raises:
        ModelError: If the file holds something else.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["hash"] != _HASH:
            raise ValueError(f"the hash {record['hash']!r}")
        return SeenMentions({label: _keys(text) for label, text in record["types"].items()})
    except FileNotFoundError:
        return None
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as fault:
        raise ModelError(
            f"expected the mentions of the training part in {path}, found a fault: {fault}; delete the file to go on "
            "without them"
        ) from fault


def _keys(text: str) -> frozenset[bytes]:
    joined = b64decode(text, validate=True)
    if len(joined) % _N_BYTES:
        raise ValueError(f"{len(joined)} bytes of hashes of {_N_BYTES}")
    return frozenset(joined[i : i + _N_BYTES] for i in range(0, len(joined), _N_BYTES))


def _hash(words: Sequence[str]) -> bytes:
    return hashlib.blake2b(" ".join(words).encode(), digest_size=_N_BYTES, person=b"nomina").digest()
