"""What an audit returns: facts of each part, and findings with their severity, places and examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

__all__ = [
    "KINDS",
    "SEVERITIES",
    "Audit",
    "Example",
    "Finding",
    "Kind",
    "Lengths",
    "PartFacts",
    "PieceFacts",
    "Severity",
    "Thresholds",
    "Unseen",
    "finding",
]

Severity = Literal["error", "warning", "info"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""From what must be mended to what is good to know."""


class Kind(NamedTuple):
    """A kind of finding: how grave it is, and why."""

    severity: Severity
    reason: str


# An error makes training fail or scores wrong; a warning is probably a fault; the rest is good to know.
KINDS: dict[str, Kind] = {
    "unlabelled": Kind("error", "training and scoring need entity tags on every sentence"),
    "no_entities": Kind("error", "there is nothing to learn or to score"),
    "invalid_tags": Kind("error", "which entities there are depends on who reads the tags"),
    "type_not_in_train": Kind("error", "a model never predicts a type that it has not seen"),
    "leak": Kind("error", "what was trained on is scored: the score is too high"),
    "conflicting_labels": Kind("error", "at most one of the labellings can be right, in training as in scoring"),
    "word_column": Kind("error", "the words are probably in another column"),
    "pos_column": Kind("error", "the part-of-speech tags are probably in another column"),
    "label_column": Kind("error", "the entity tags are probably in another column"),
    "feature_is_label": Kind("error", "the input holds the answer: scores on such data mean nothing"),
    "pos_sets_differ": Kind("error", "the tags that a model learned say nothing in the other tag set"),
    "mixed_schemes": Kind("warning", "a scheme may have been told wrongly from few entities"),
    "repeated_sentences": Kind("warning", "repeats weigh more in training, and can come to stand in two parts"),
    "dev_test_overlap": Kind("warning", "epochs and settings are chosen on sentences of the test part"),
    "conflicting_short": Kind("warning", "short sentences can mean two things, or one labelling is wrong"),
    "inconsistent_mentions": Kind("warning", "a mention that is nearly always labelled was probably forgotten here"),
    "rare_type": Kind("warning", "too few mentions to learn the type from"),
    "type_missing": Kind("warning", "nothing is known about a type that the part does not hold"),
    "few_outside": Kind("warning", "entity tags are O on most words; other columns are not"),
    "pos_outside": Kind("warning", "a tag outside its tag set is probably mistyped"),
    "pos_constant": Kind("warning", "one tag on every word says nothing"),
    "encoding": Kind("warning", "the encoding was guessed, and words depend on it"),
    "mixed_encoding": Kind("warning", "a part of the file is in another encoding"),
    "mojibake": Kind("warning", "UTF-8 was read as Windows-1252 and saved"),
    "c1_control": Kind("warning", "Windows-1252 was read as latin-1 and saved"),
    "replacement": Kind("warning", "characters were lost when the text was decoded"),
    "control": Kind("warning", "control characters are no text; most encoders drop them"),
    "zero_width": Kind("warning", "invisible characters make two words of what looks like one"),
    "space_in_word": Kind("warning", "a space within a word is lost in files whose columns are parted by spaces"),
    "private_use": Kind("warning", "characters without a meaning; no encoder knows them"),
    "mixed_normalisation": Kind("warning", "what looks like one word is two to an encoder that does not normalise"),
    "no_piece": Kind("warning", "the encoder sees the unknown piece in place of the word"),
    "blank_word": Kind("warning", "rows were lost"),
    "missing_tag": Kind("warning", "rows were lost"),
    "missing_feature": Kind("warning", "the model sees the unknown value"),
    "extra_columns": Kind("warning", "rows of another width are probably shifted"),
    "repeated_number": Kind("warning", "sentences may have been torn apart or put together wrongly"),
    "scheme": Kind("info", "spans are read by it"),
    "short_leak": Kind("info", "short sentences stand in every corpus"),
    "unseen_entities": Kind("info", "the share of a part that cannot be learned by heart"),
    "pos_once": Kind("info", "seen once, a tag is as good as unknown"),
    "over_limit": Kind("info", "they are read in overlapping windows; no word is lost"),
    "unknown_piece": Kind("info", "the encoder cannot tell these words from one another"),
    "encoder": Kind("info", "lengths in pieces and words without a piece were not looked at"),
    "reading": Kind("info", "how the files were read"),
}
"""Every kind of finding."""


class Thresholds(NamedTuple):
    """Where findings begin.

    Attributes:
        n_examples: Most examples of one finding, 0 or more.
        rare_type: Mentions in the training part below which a type is rare.
        min_mentions: Least labelled occurrences of a mention that can be found missing elsewhere.
        min_rate: Least share of its occurrences on which such a mention is labelled, in [0, 1].
    """

    n_examples: int = 5
    rare_type: int = 50
    min_mentions: int = 3
    min_rate: float = 0.8


@dataclass(frozen=True, slots=True)
class Example:
    """One place of a finding.

    Attributes:
        place: ``file:line``, or the part and the number of the sentence where there is no file.
        text: What is there, with invisible characters escaped.
    """

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an audit found.

    Attributes:
        kind: Short stable key, one of :data:`KINDS`.
        severity: How grave it is.
        message: One sentence for people.
        count: How many sentences, words, mentions or types it is about, as the message says.
        part: The part it is about, ``None`` where it is about several.
        examples: The first few places.
    """

    kind: str
    severity: Severity
    message: str
    count: int = 1
    part: str | None = None
    examples: tuple[Example, ...] = ()


def finding(
    kind: str, message: str, count: int = 1, part: str | None = None, examples: Sequence[Example] = ()
) -> Finding:
    """A finding of a known kind, with the severity of its kind."""
    return Finding(kind, KINDS[kind].severity, message, count, part, tuple(examples))


class Lengths(NamedTuple):
    """How long sentences are, in words or in pieces."""

    smallest: int = 0
    median: float = 0.0
    mean: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    largest: int = 0

    @classmethod
    def of(cls, values: Sequence[int] | np.ndarray[Any, Any]) -> Lengths:
        """Quantiles of lengths; all 0 where there are none."""
        if not len(values):
            return cls()
        array = np.asarray(values)
        median, p95, p99 = (round(float(q), 1) for q in np.quantile(array, (0.5, 0.95, 0.99)))
        return cls(int(array.min()), median, round(float(array.mean()), 1), p95, p99, int(array.max()))


@dataclass(frozen=True, slots=True)
class PieceFacts:
    """What an encoder's tokenizer makes of a part.

    Attributes:
        encoder: The encoder's name, as given.
        limit: Most pieces of a window, special pieces included.
        n_pieces: Word pieces of the part, without special pieces.
        lengths: Pieces per sentence, special pieces included.
        n_over_limit: Sentences that do not fit into one window.
        longest: Indices of the longest of them, the longest first.
        without_piece: Different words for which the tokenizer has no piece at all, with how often they stand there.
        unknown: Different words that are nothing but the unknown piece, with how often they stand there.
    """

    encoder: str
    limit: int
    n_pieces: int
    lengths: Lengths
    n_over_limit: int = 0
    longest: tuple[int, ...] = ()
    without_piece: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)


class Unseen(NamedTuple):
    """Mentions that no training mention of the same type equals, of all."""

    n_unseen: int
    n_mentions: int

    @property
    def share(self) -> float:
        """In [0, 1]; 0 without mentions."""
        return self.n_unseen / self.n_mentions if self.n_mentions else 0.0


@dataclass(frozen=True, slots=True)
class PartFacts:
    """Sizes and contents of one part.

    Attributes:
        name: ``"train"``, ``"dev"`` or ``"test"``.
        source: What was read.
        n_sentences: Number of sentences.
        n_words: Number of words.
        n_documents: Number of different documents, 0 where they are not marked.
        n_distinct_words: Number of different words.
        scheme: Scheme of the tags, ``None`` without labels.
        encoding: The characters' encoding where it had to be guessed (``"Windows-1252"``), else ``None``.
        n_words_per_sentence: Lengths in words.
        labels: Words by entity tag, most frequent first.
        types: Mentions by type, most frequent first.
        features: Words by value of each token feature, most frequent first; at most 100 values.
        n_values: Number of different values of each token feature.
        unseen: By type, mentions that are not in the training part; empty for the training part.
        pieces: Facts about word pieces, where an encoder was given.
    """

    name: str
    source: str
    n_sentences: int
    n_words: int
    n_documents: int
    n_distinct_words: int
    scheme: str | None
    encoding: str | None
    n_words_per_sentence: Lengths
    labels: Mapping[str, int]
    types: Mapping[str, int]
    features: Mapping[str, Mapping[str, int]]
    n_values: Mapping[str, int]
    unseen: Mapping[str, Unseen] = field(default_factory=dict)
    pieces: PieceFacts | None = None

    @property
    def n_mentions(self) -> int:
        """Entity mentions of all types."""
        return sum(self.types.values())


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit.

    Attributes:
        parts: Facts by part.
        findings: Errors first, then warnings, then the rest.
    """

    parts: Mapping[str, PartFacts]
    findings: tuple[Finding, ...] = ()

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(found for found in self.findings if found.severity == severity)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What makes training fail or scores wrong."""
        return self.of("error")

    @property
    def verdict(self) -> str:
        """How many findings of each severity, in words."""
        counts = [len(self.of(severity)) for severity in SEVERITIES[:2]]
        return ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in zip(counts, SEVERITIES[:2], strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON."""
        parts = {name: _plain(facts) for name, facts in self.parts.items()}
        return {"verdict": self.verdict, "parts": parts, "findings": [asdict(found) for found in self.findings]}


def _plain(facts: PartFacts) -> dict[str, Any]:
    """Named tuples by name, and derived figures beside those they come from."""
    plain: dict[str, Any] = asdict(facts)
    plain["n_words_per_sentence"] = facts.n_words_per_sentence._asdict()
    plain["unseen"] = {label: {**u._asdict(), "share": round(u.share, 4)} for label, u in facts.unseen.items()}
    if facts.pieces is not None:
        plain["pieces"]["lengths"] = facts.pieces.lengths._asdict()
        del plain["pieces"]["longest"]
        plain["pieces"]["share_over_limit"] = round(facts.pieces.n_over_limit / max(facts.n_sentences, 1), 6)
    return plain
