"""Prediction of what a user names: files read as streams, labelled in order, written record by record."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO

from nomina.data.formats import PLACES
from nomina.data.formats.stream import BadRecord, InputFormat, OnError, Stream
from nomina.data.formats.write import BAD_WRITERS, ENDS_RECORD, WRITERS, words_of
from nomina.data.records import Note, Sentence
from nomina.errors import ConfigError, DataError, OutputError
from nomina.files import Growing, open_growing, part_of
from nomina.inference import InputFacts, Prediction, Predictor, TagUse
from nomina.reading import stream_for_prediction
from nomina.training.config import DataConfig

__all__ = ["OutputFormat", "PredictOptions", "Predicted", "label_file", "label_stream", "outputs_of", "sources_of"]

OutputFormat = Literal["conll", "jsonl"]

Source = str | Path | BinaryIO
Watch = Callable[["Predicted", Stream], None]


@dataclass(frozen=True)
class PredictOptions:
    """How to read, label and write.

    Attributes:
        data: Settings of the corpus formats.
        form: Input format; ``"raw"`` for running text.
        language: Of running text, as spaCy names it.
        tags: Which part-of-speech tags the model reads.
        to: Output format.
        on_error: What becomes of a record that cannot be read: the run stops there, or it is passed on, marked.
    """

    data: DataConfig = field(default_factory=DataConfig)
    form: InputFormat = "auto"
    language: str = "en"
    tags: TagUse = "auto"
    to: OutputFormat = "conll"
    on_error: OnError = "stop"


@dataclass
class Predicted:
    """What was labelled, as far as it came.

    Attributes:
        source: The input.
        output: The file written; ``None`` for an open stream.
        n_earlier: Records that an earlier run had written.
        n_sentences: Sentences labelled by this one.
        n_words: Their words.
        n_bad: Records passed on, marked.
        entities: Entities found, by type.
        notes: What reading did, and what the input lacks.
        predict_s: Seconds that reading, labelling and writing took.
    """

    source: str
    output: Path | None = None
    n_earlier: int = 0
    n_sentences: int = 0
    n_words: int = 0
    n_bad: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    notes: tuple[Note, ...] = ()
    predict_s: float = 0.0

    @property
    def words_per_s(self) -> float:
        """Words labelled in a second."""
        return self.n_words / self.predict_s if self.predict_s else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON has it."""
        facts = asdict(self) | {"entities": dict(self.entities.most_common()), "words_per_s": round(self.words_per_s)}
        facts["output"] = None if self.output is None else str(self.output)
        facts["notes"] = [note.message for note in self.notes]
        return facts


def sources_of(named: Sequence[str]) -> list[str]:
    """Inputs that a user names, with the files of a folder in alphabetical order in its place.

    A folder that is one corpus (of brat, or of the ``datasets`` library) stays as it is. Files whose names begin with a
    dot are left out.

    Raises:
        DataError: If a folder holds no file.
    """
    sources: list[str] = []
    for name in named:
        folder = Path(name)
        if not folder.is_dir() or any(reader.looks_like(name) for reader in PLACES.values()):
            sources.append(name)
            continue
        files = sorted(str(path) for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        if not files:
            raise DataError("expected files to label in the folder, found none", path=folder)
        sources += files
    return sources


def outputs_of(sources: Sequence[str], folder: Path, to: OutputFormat) -> list[Path]:
    """One output in a folder for each of several inputs: its name with the ending of the output format.

    Raises:
        ConfigError: If two inputs would have the same output, or one would be replaced by its own.
    """
    outputs = [folder / f"{_stem(Path(source).name)}.{to}" for source in sources]
    of: dict[Path, str] = {}
    for source, output in zip(sources, outputs, strict=True):
        if output in of:
            raise ConfigError([f"{of[output]} and {source} would both be written to {output}; name them apart"])
        if output.exists() and any(Path(other).exists() and output.samefile(other) for other in sources):
            raise ConfigError([f"{output} is one of the files that are read; choose another folder (--output)"])
        of[output] = source
    return outputs


def _stem(name: str) -> str:
    """A file's name without the endings that say its format."""
    for ending in (".gz", ".zip"):
        name = name.removesuffix(ending)
    return Path(name).stem or name


def label_file(
    predictor: Predictor,
    source: Source,
    output: Path,
    options: PredictOptions | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    watch: Watch = lambda predicted, stream: None,
) -> Predicted:
    """Label one input into a file, which grows as ``NAME.part`` and gets its name when it is complete.

    Args:
        predictor: The model.
        source: A file, a folder that is one corpus, or an open binary stream.
        output: The file to write.
        options: How to read, label and write.
        resume: Continue what an earlier run began, at the right record; a complete output is left as it is.
        overwrite: Whether an output that is there may be replaced.
        watch: Shown how it stands, now and then.

    Raises:
        DataError: If a record cannot be read; what came before it is in ``NAME.part``.
        OutputError: If the output is there and may not be replaced, was begun from something else, or cannot be
            written.
    """
    options = options or PredictOptions()
    if resume and output.exists():
        return Predicted(_name(source), output)
    facts = {"model": _model_facts(predictor), "input": _name(source), "settings": _settings_facts(options)}
    ends_record = ENDS_RECORD[options.to]
    with open_growing(output, ends_record=ends_record, facts=facts, resume=resume, overwrite=overwrite) as growing:
        predicted = Predicted(_name(source), output, n_earlier=growing.n_records)
        try:
            return _label(predictor, source, growing, options, predicted, watch)
        except DataError as error:
            n_written = predicted.n_earlier + predicted.n_sentences + predicted.n_bad
            if not n_written:
                raise
            message = f"{error}\n{n_written:,} records before it are in {part_of(output)}"
            raise DataError(f"{message}; mend the record, then continue (--resume)") from error


def label_stream(
    predictor: Predictor,
    source: Source,
    target: TextIO,
    options: PredictOptions | None = None,
    *,
    watch: Watch = lambda predicted, stream: None,
) -> Predicted:
    """Label one input into an open text file, in order and in constant memory.

    Args:
        predictor: The model.
        source: A file, a folder that is one corpus, or an open binary stream.
        target: Where to write.
        options: How to read, label and write.
        watch: Shown how it stands, now and then.

    Raises:
        DataError: If a record cannot be read; the output for what came before it has been written.
        ModelError: If the part-of-speech tags are of another tag set than in training.
    """
    growing = Growing(target, 0, "")
    return _label(predictor, source, growing, options or PredictOptions(), Predicted(_name(source)), watch)


def _label(
    predictor: Predictor, source: Source, growing: Growing, options: PredictOptions, predicted: Predicted, watch: Watch
) -> Predicted:
    """Label what an earlier run has not; its last record is made again, to see that it is of this input."""
    facts, begun = InputFacts(), time.perf_counter()
    n_earlier = growing.n_records
    with stream_for_prediction(
        source, options.form, options.data, language=options.language, on_error=options.on_error
    ) as stream:
        records = predictor.predict_stream(_counted(stream, facts), tags=options.tags, skip=max(n_earlier - 1, 0))
        if n_earlier:
            again = next(records, None)
            if again is None or words_of(_text(again, options.to)) != words_of(growing.last):
                raise OutputError(
                    f"record {n_earlier:,} of {part_of(predicted.output or Path())} is not that of {predicted.source}: "
                    "the input has changed; begin anew (--overwrite)"
                )
        for record in records:
            growing.file.write(_text(record, options.to))
            if isinstance(record, BadRecord):
                predicted.n_bad += 1
            else:
                predicted.n_sentences += 1
                predicted.n_words += len(record.sentence)
                predicted.entities.update(span.label for span in record.spans)
            predicted.predict_s = time.perf_counter() - begun
            watch(predicted, stream)
        predicted.notes = (*stream.notes, *predictor.notes_on(facts))
    return predicted


def _text(record: Prediction | BadRecord, to: OutputFormat) -> str:
    if isinstance(record, BadRecord):
        return BAD_WRITERS[to](record)
    return WRITERS[to](record.sentence, record.labels, record.spans)


def _counted(stream: Stream, facts: InputFacts) -> Iterator[Sentence | BadRecord]:
    for record in stream:
        if isinstance(record, Sentence):
            facts.add(record)
        yield record


def _name(source: Source) -> str:
    return str(source) if isinstance(source, str | Path) else "standard input"


def _model_facts(predictor: Predictor) -> Mapping[str, Any] | None:
    """What tells a model from another, and from the same one trained anew."""
    folder = predictor.folder
    if folder is None:
        return None
    weights = [path for name in ("model.safetensors", "model.onnx") if (path := folder / name).exists()]
    config = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    return {
        "config": config,
        "weights": [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in weights],
    }


def _settings_facts(options: PredictOptions) -> Mapping[str, Any]:
    facts = {name: value for name, value in vars(options).items() if name not in ("data", "on_error")}
    return facts | {"data": options.data.model_dump(mode="json")}
