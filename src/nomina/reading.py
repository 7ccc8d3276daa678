"""From what a user names to the parts of a run: files found, read, cleaned and split, or text to label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from nomina.data.cleaning import clean, find_shared
from nomina.data.corpus import Corpus
from nomina.data.formats import Format, is_there, read
from nomina.data.formats.collect import ReadOptions
from nomina.data.formats.stream import InputFormat, OnError, Stream, stream
from nomina.data.records import MISSING, Note
from nomina.data.splitting import MIN_TYING_WORDS
from nomina.data.tagsets import POS, differ, tag_set
from nomina.encoding.encoders import resolve_encoder
from nomina.errors import ConfigError, DataError, EncoderError, MissingExtraError
from nomina.training.config import DataConfig, RunConfig

if TYPE_CHECKING:
    from nomina.runs import Parts

__all__ = [
    "InputFormat",
    "NamedPart",
    "check_sources",
    "check_tag_sets",
    "clean_corpus",
    "load_parts",
    "named_parts",
    "read_files",
    "read_part",
    "stream_for_prediction",
]

_NO_TRAINING_DATA = "[data] train: expected at least one file to train on, or 'sample'"

NamedPart = Corpus | tuple[str, ...]
"""A part in memory, or the files that it is read from."""

Say = Callable[[str], None]


def load_parts(
    config: RunConfig, corpora: Mapping[str, Corpus] | None = None, *, say: Say = lambda line: None
) -> Parts:
    """Read and clean the corpus, and split off the parts that have no file of their own.

    Raises:
        ConfigError: If no training data is named.
        DataError: If a file cannot be read, or holds too few sentences to split.
    """
    from nomina.runs import Parts  # loads torch, which reading alone does not need

    named = named_parts(config.data, corpora or {})
    if "train" not in named:
        raise ConfigError([_NO_TRAINING_DATA])
    as_read = {name: read_part(part, config.data) for name, part in named.items()}
    found = {
        name: clean_corpus(corpus, config.data, drop_duplicates=config.data.drop_duplicates and name == "train")
        for name, corpus in as_read.items()
    }
    notes = [note for corpus in found.values() for note in corpus.notes]
    given = set(found)
    found = {name: part for name, part in found.items() if len(part) or name == "train"}  # an empty part is none

    # A part with a source of its own takes nothing from the training data.
    train_share, *shares = config.data.split
    dev_share, test_share = (
        0.0 if name in given else share for name, share in zip(("dev", "test"), shares, strict=True)
    )
    if dev_share or test_share:
        split = found["train"].split((train_share, dev_share, test_share), seed=config.training.seed)
        notes += [note for note in split.train.notes if note not in notes]
        taken = [("train", 1.0, split.train), ("dev", dev_share, split.dev), ("test", test_share, split.test)]
        found |= {name: part for name, share, part in taken if share}
    test = found.get("test")
    parts = Parts(
        train=found["train"][: config.data.limit_train],
        dev=found.get("dev"),
        test=None if test is None else test[: config.data.limit_test],
        as_read=as_read,
    )
    for name, part in parts.items():
        if not part.has_labels:
            n_bare = sum(sentence.labels is None for sentence in part)
            raise DataError(f"expected entity tags in the {name} part, {n_bare} sentences have none", path=part.source)
    notes += [*_leaks(parts), *_unused(parts.train, config)]
    for note in notes:
        say(note.message)
    for name, part in parts.items():
        say(f"{name:<5} {len(part):>9,} sentences {part.n_words:>11,} words")
    return replace(parts, notes=tuple(notes))


def stream_for_prediction(
    source: str | Path | BinaryIO,
    form: InputFormat,
    data: DataConfig,
    *,
    language: str = "en",
    on_error: OnError = "stop",
) -> Stream:
    """Open words to label, as a stream of records: any corpus format, text with one sentence a line, or running text.

    Rows of columns and tables with too few or too many cells are faults: a word that is left out or read from another
    column would be labelled wrongly in silence. Those without an entity tag are words like others.

    Args:
        source: A file, or an open binary stream.
        form: A format, ``"text"``, ``"raw"``, or ``"auto"``: text is what no corpus format fits.
        data: Settings of the corpus formats.
        language: Of running text, as spaCy names it.
        on_error: What becomes of a faulty record.

    Raises:
        ConfigError: If the settings do not fit together.
        DataError: If the file cannot be opened, or, while records are asked for, one is faulty.
        FormatError: If its format or encoding cannot be recognised, or there is no sentence in a corpus.
    """
    options = ReadOptions(
        columns=data.columns,
        pos=_pos(data),
        label_names=data.label_names,
        cut_spans=data.cut_spans,
        overlaps=data.overlaps,
        strict_rows=True,
        language=language,
    )
    return stream(source, format=form, options=options, on_error=on_error)


def check_sources(config: RunConfig, corpora: Mapping[str, Corpus]) -> None:
    """Say everything that is missing at once, before anything is read or loaded."""
    from nomina.training.checks import check_training

    named = named_parts(config.data, corpora)
    files = [path for part in named.values() if not isinstance(part, Corpus) for path in part]
    faults = [
        f"[data] expected a file or an archive's member at {path!r}, found none" for path in files if not is_there(path)
    ]
    has_dev = "dev" in named or config.data.split[1] > 0
    if config.training.patience and not has_dev:
        faults.append("[training] patience: early stopping needs a dev part; give a dev file or a share in split")
    faults += check_training(config.training, config.model)
    if "train" not in named:
        faults.append(_NO_TRAINING_DATA)
    try:
        resolve_encoder(config.model.encoder)
    except (EncoderError, MissingExtraError) as error:
        faults.append(f"[model] encoder: {error}")
    if faults:
        raise ConfigError(faults)


def check_tag_sets(parts: Parts) -> None:
    """Refuse parts in different tag sets before training, not after it."""
    tags = {
        name: {tag for s in part for tag in s.features.get(POS, ()) if tag != MISSING} for name, part in parts.items()
    }
    faults = [
        f"[data] {name}: expected part-of-speech tags as in the train part ({tag_set(tags['train'])}), found "
        f"{', '.join(sorted(found)[:8])} … ({tag_set(found)})"
        for name, found in tags.items()
        if differ(tags["train"], found)
    ]
    if faults:
        raise ConfigError(faults)


def named_parts(data: DataConfig, corpora: Mapping[str, Corpus]) -> dict[str, NamedPart]:
    """The parts that a user names, by ``"train"``, ``"dev"`` and ``"test"``.

    Args:
        data: Settings with the files of each part.
        corpora: Parts that are in memory, by name; they win over files.
    """
    settings = {"train": data.train, "dev": (data.dev,), "test": (data.test,)}
    files = {name: tuple(path for path in paths if path is not None) for name, paths in settings.items()}
    return {name: corpora.get(name, paths) for name, paths in files.items() if name in corpora or paths}


def read_part(part: NamedPart, data: DataConfig) -> Corpus:
    """A named part as it is, neither cleaned nor split."""
    return part if isinstance(part, Corpus) else read_files(part, data.format, data)


def read_files(source: str | Path | Sequence[str | Path], form: Format, data: DataConfig) -> Corpus:
    """Read files by the settings of a run."""
    return read(
        source,
        format=form,
        columns=data.columns,
        pos=_pos(data),
        label_names=data.label_names,
        cut_spans=data.cut_spans,
        overlaps=data.overlaps,
    )


def _pos(data: DataConfig) -> Literal["upos", "xpos"]:
    return "upos" if data.upos else "xpos"


def clean_corpus(corpus: Corpus, data: DataConfig, *, drop_duplicates: bool = False) -> Corpus:
    """Clean a corpus by the settings of a run."""
    return clean(corpus, scheme=data.scheme, repair=data.repair, drop_duplicates=drop_duplicates).corpus


def _leaks(parts: Parts) -> list[Note]:
    notes = []
    for name, part in parts.items():
        shared = find_shared(parts.train.sentences, part.sentences) if name != "train" else {}
        repeated = [part[i] for i in shared]
        if repeated:
            message = (
                f"{len(repeated)} sentences of the {name} part, of {MIN_TYING_WORDS} words or more, are in the "
                "training part too"
            )
            lines = tuple(s.line for s in repeated[:5] if s.line is not None)
            notes.append(Note("leak", message, len(repeated), lines))
    return notes


def _unused(corpus: Corpus, config: RunConfig) -> list[Note]:
    from nomina.training.checks import resolve_features

    notes = []
    for name in sorted({name for s in corpus for name in s.features} - set(corpus.feature_names)):
        n_with = sum(name in sentence.features for sentence in corpus)
        message = (
            f"the feature {name!r} stands on {n_with:,} of {len(corpus):,} training sentences only; it is not used"
        )
        notes.append(Note("partial_feature", message, len(corpus) - n_with))
    used = resolve_features(config.model, corpus)
    unused = [name for name in corpus.feature_names if name not in used]
    message = f"columns that no feature uses: {', '.join(unused)} (choose with --features)"
    return [*notes, Note("unused_column", message, len(unused))] if unused else notes
