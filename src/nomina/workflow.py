"""The whole story, top to bottom: read, clean, split, fit, evaluate, report, save."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from nomina import runs
from nomina.data import text
from nomina.data.cleaning import clean
from nomina.data.corpus import Corpus
from nomina.data.formats import Format, read, recognise
from nomina.data.formats.collect import is_blank
from nomina.data.formats.source import SAMPLE, Source, load, split_lines
from nomina.data.records import MISSING, Note
from nomina.data.tagsets import POS, differ, tag_set
from nomina.encoding.encoders import resolve_encoder
from nomina.errors import ConfigError, DataError, EncoderError, FormatError, MissingExtraError
from nomina.files import alone, write_text
from nomina.inference import Predictor, predict_under, regimes_of, tag_accuracy
from nomina.report.comparison import comparison_markdown, draw_comparison
from nomina.report.search import draw_search, search_markdown, trials_csv
from nomina.runs import Judged, Parts
from nomina.scoring import score
from nomina.scoring.comparison import Comparison
from nomina.scoring.search import Search
from nomina.training.checks import check_training, resolve_features
from nomina.training.config import DataConfig, RunConfig
from nomina.training.distributed import is_main_process
from nomina.training.fit import fit
from nomina.training.prepare import with_scheme
from nomina.tuning import ARMS, LocalWorkers, SearchOptions, Snapshot, Workers, run_comparison, run_search

__all__ = [
    "CompareResult",
    "TrainResult",
    "TuneResult",
    "compare",
    "evaluate",
    "load_parts",
    "read_for_prediction",
    "train",
    "tune",
]

_NO_TRAINING_DATA = "[data] train: expected at least one file to train on, or 'sample'"

InputFormat = Literal["auto", "text", "kaggle", "columns", "conllu", "jsonl"]

Say = Callable[[str], None]


def _say_nothing(line: str) -> None:
    pass


@dataclass(frozen=True, repr=False)
class TrainResult:
    """A finished run.

    Attributes:
        folder: The model folder.
        predictor: The model, ready to predict.
        dev: Scores and predictions on the dev part, ``None`` without one.
        test: Scores and predictions on the test part, ``None`` without one.
        notes: What reading, cleaning and splitting did.
        files: What was written, by purpose.
        history: Logged losses and evaluations, as in ``history.jsonl``.
        best_step: Optimizer step of the weights, the one with the best dev F1.
        train_s: Seconds of training.
    """

    folder: Path
    predictor: Predictor
    dev: Judged | None
    test: Judged | None
    notes: tuple[Note, ...]
    files: dict[str, Path]
    history: list[dict[str, Any]]
    best_step: int
    train_s: float

    def __repr__(self) -> str:
        return f"TrainResult(folder={str(self.folder)!r}, dev={self.dev}, test={self.test}, {self.train_s:.0f} s)"


@dataclass(frozen=True, repr=False)
class CompareResult:
    """A finished comparison.

    Attributes:
        folder: Where its runs and files are.
        comparison: Arms beside the baseline.
        files: What was written, by purpose.
    """

    folder: Path
    comparison: Comparison
    files: dict[str, Path]

    @property
    def verdict(self) -> str:
        """What the figures say, in plain words."""
        return self.comparison.verdict

    def __repr__(self) -> str:
        return f"CompareResult(folder={str(self.folder)!r}, {self.verdict})"


@dataclass(frozen=True, repr=False)
class TuneResult:
    """A finished search.

    Attributes:
        folder: Where its files are.
        search: Its trials, the winner among them.
        config: Settings of the winner, ``None`` if every trial failed.
        model: The winner's run: its folder, model and scores; ``None`` if every trial failed, or if its weights are
            with another machine of the search.
        files: What was written, by purpose.
    """

    folder: Path
    search: Search
    config: RunConfig | None
    model: TrainResult | None
    files: dict[str, Path]

    @property
    def verdict(self) -> str:
        """What the figures say, in plain words."""
        return self.search.verdict

    def __repr__(self) -> str:
        return f"TuneResult(folder={str(self.folder)!r}, {self.verdict})"


def train(
    config: RunConfig,
    folder: str | Path,
    *,
    corpora: Mapping[str, Corpus] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = False,
    say: Say = _say_nothing,
) -> TrainResult:
    """Train, judge and save a model.

    Where several processes train one model (``torchrun``), only the first one judges, writes and talks.

    Args:
        config: All settings.
        folder: The model folder to write. Its last file is ``scores.json``: where that exists, the run is complete.
        corpora: Parts that are in memory already, by name (``"train"``, ``"dev"``, ``"test"``); files that the config
            names for these are not read.
        resume: Continue an interrupted run in this folder; starts anew where there is none.
        overwrite: Replace an earlier run in this folder.
        progress: Whether to draw progress bars.
        say: Told what happens, one line at a time.

    Raises:
        NominaError: As its parts do; see :mod:`nomina.errors`.
    """
    folder = Path(folder)
    is_main = is_main_process()
    say = say if is_main else _say_nothing
    _check_sources(config, corpora or {})
    if is_main:
        runs.prepare(folder, config, resume=resume, overwrite=overwrite)
    parts = load_parts(config, corpora, say=say)
    if POS in resolve_features(config.model, parts.train) and config.model.pos_source == "none":
        _check_tag_sets(parts)
    if is_main:
        runs.begin(folder, config, parts, replace=overwrite and not resume)
    return _fit_and_judge(parts, config, folder, resume=resume, progress=progress, say=say)


def _fit_and_judge(
    parts: Parts, config: RunConfig, folder: Path, *, resume: bool, progress: bool, say: Say
) -> TrainResult:
    """What is left of a run once its folder is there."""
    is_main = is_main_process()
    fitted = fit(parts.train, parts.dev, config, folder, resume=resume, progress=progress, say=say)
    judged = {
        name: _judge(fitted.predictor, part, side_by_side=name == "test", progress=progress)
        for name, part in parts.items()
        if name != "train" and is_main
    }
    files = runs.finish(folder, config, parts, fitted, judged) if is_main else {}
    return TrainResult(
        folder=folder,
        predictor=fitted.predictor,
        dev=judged.get("dev"),
        test=judged.get("test"),
        notes=parts.notes,
        files=files,
        history=fitted.history,
        best_step=fitted.best_step,
        train_s=fitted.train_s,
    )


def load_parts(config: RunConfig, corpora: Mapping[str, Corpus] | None = None, *, say: Say = _say_nothing) -> Parts:
    """Read and clean the corpus, and split off the parts that have no file of their own.

    Raises:
        ConfigError: If no training data is named.
        DataError: If a file cannot be read, or holds too few sentences to split.
    """
    files = {"train": config.data.train, "dev": config.data.dev, "test": config.data.test}
    found = {name: part for name in files if (part := _part(name, files[name], corpora or {}, config.data)) is not None}
    if "train" not in found:
        raise ConfigError([_NO_TRAINING_DATA])
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


def evaluate(
    model: Predictor | str | Path,
    data: Corpus | str | Path | Sequence[str | Path],
    *,
    settings: DataConfig | None = None,
    output: str | Path | None = None,
    progress: bool = False,
    say: Say = _say_nothing,
) -> Judged:
    """Score a model on a corpus with labels.

    Args:
        model: A model folder, or a loaded one.
        data: A corpus, or files to read.
        settings: How to read files (format, columns, scheme, repair).
        output: Folder for figures, scores and predictions; nothing is written where ``None``.
        progress: Whether to draw a progress bar.
        say: Told what happens, one line at a time.

    Raises:
        DataError: If the corpus has no labels.
        ModelError: If the model folder is incomplete.
    """
    if output is not None:
        runs.check_judged(Path(output))
    if not isinstance(data, Corpus):
        settings = settings or DataConfig()
        data = _clean(_read(data, settings.format, settings), settings)
        for note in data.notes:
            say(note.message)
    predictor = model if isinstance(model, Predictor) else Predictor.load(Path(model))
    for note in predictor.notes(data.sentences):
        say(note.message)
    judged = _judge(predictor, data, progress=progress)
    return judged if output is None else replace(judged, files=runs.write_judged(judged, Path(output)))


def compare(
    config: RunConfig,
    folder: str | Path,
    *,
    corpora: Mapping[str, Corpus] | None = None,
    arms: Sequence[str] = ARMS,
    seeds: Sequence[int] = (13, 14, 15),
    sizes: Sequence[int] = (),
    tag_with: str | None = None,
    progress: bool = False,
    say: Say = _say_nothing,
) -> CompareResult:
    """Train a corpus in several ways, and say which differences between them are real.

    Args:
        config: Settings of all runs; an arm's own win.
        folder: Folder of the comparison. Runs that are finished there are not run again.
        corpora: As for :func:`train`.
        arms: As :func:`nomina.tuning.parse_arm` reads them; the first is the baseline.
        seeds: Of training.
        sizes: Numbers of training sentences; all of them where empty.
        tag_with: A spaCy pipeline whose tags are also read in scoring.
        progress: Whether to draw progress bars.
        say: Told what happens, one line at a time.

    Raises:
        NominaError: As its parts do; see :mod:`nomina.errors`.
    """
    folder = Path(folder)
    _check_sources(config, corpora or {})
    parts = load_parts(config, corpora, say=say)
    if parts.test is None:
        raise ConfigError(["[data] test: a comparison needs a test part; give a test file or a share in split"])
    comparison = run_comparison(
        parts.train,
        parts.dev,
        parts.test,
        config,
        folder,
        arms=arms,
        seeds=seeds,
        sizes=sizes,
        tag_with=tag_with,
        progress=progress,
        say=say,
    )
    files = {"table": folder / "comparison.md", "scores": folder / "comparison.json"}
    write_text(files["table"], comparison_markdown(comparison))
    write_text(files["scores"], json.dumps(comparison.to_dict(), indent=2) + "\n")
    return CompareResult(folder, comparison, {**files, "figure": draw_comparison(comparison, folder)})


def tune(
    config: RunConfig,
    folder: str | Path,
    options: SearchOptions | None = None,
    *,
    corpora: Mapping[str, Corpus] | None = None,
    workers: Callable[[Path, str | None], Workers] = LocalWorkers,
    watch: Callable[[Snapshot], None] | None = None,
    say: Say = _say_nothing,
) -> TuneResult:
    """Search settings by dev F1; the test part is looked at once, with the winner, when the search is over.

    Args:
        config: Settings of all trials; those searched are replaced.
        folder: Folder of the search. What is finished there is not trained again.
        options: How to search.
        corpora: As for :func:`train`.
        workers: Makes the workers for a folder and a storage.
        watch: Shown how the search stands, now and then.
        say: Told what happens, one line at a time.

    Raises:
        NominaError: As its parts do; see :mod:`nomina.errors`.
    """
    folder, options = Path(folder), options or SearchOptions()
    _check_sources(config, corpora or {})
    parts = load_parts(config, corpora, say=say)
    if parts.dev is None:
        raise ConfigError(["[data] dev: a search needs a dev part; give a dev file or a share in split"])
    if POS in resolve_features(config.model, parts.train) and config.model.pos_source == "none":
        _check_tag_sets(parts)
    search, best, checkpoints = run_search(
        parts.train, parts.dev, config, folder, options, workers=workers, watch=watch, say=say
    )
    search = replace(search, notes=tuple(note.message for note in parts.notes))
    files = {"trials": folder / "trials.csv", "table": folder / "search.md", "scores": folder / "search.json"}
    write_text(files["trials"], trials_csv(search))
    write_text(files["table"], search_markdown(search))
    write_text(files["scores"], json.dumps(search.to_dict(), indent=2) + "\n")
    files |= draw_search(search, folder / "figures")
    if best is None:
        return TuneResult(folder, search, None, None, files)
    files["settings"] = folder / "best.toml"
    write_text(files["settings"], best.to_toml())
    if checkpoints is None:
        say(f"the winner's weights are with another machine of the search; {files['settings']} trains them again")
        return TuneResult(folder, search, best, None, files)
    model = _ship(parts, best, checkpoints, folder / "best", say)
    return TuneResult(folder, search, best, model, files | {"model": model.folder})


def _ship(parts: Parts, config: RunConfig, checkpoints: Path, folder: Path, say: Say) -> TrainResult:
    """Make a model folder of a trial that was trained to the end; what is there already is left as it is."""
    with alone(folder.with_name(f".{folder.name}.lock")):  # another command may come to the same search's end now
        if runs.is_complete(folder, config):
            return _shipped(parts, folder)
        fresh = folder.parent / ".ship" / folder.name  # with its own name: the model card says it
        shutil.rmtree(fresh.parent, ignore_errors=True)
        shutil.copytree(checkpoints, fresh)
        runs.begin(fresh, config, parts)
        result = _fit_and_judge(parts, config, fresh, resume=True, progress=False, say=_say_nothing)
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
        fresh.parent.rmdir()
    say(f"the winner is in {folder}")
    files = {purpose: folder / path.relative_to(fresh) for purpose, path in result.files.items()}
    return replace(result, folder=folder, files=files)


def _shipped(parts: Parts, folder: Path) -> TrainResult:
    """A run that was finished earlier."""
    predictor = Predictor.load(folder)
    judged = {
        name: _judge(predictor, part, side_by_side=name == "test", progress=False)
        for name, part in parts.items()
        if name != "train"
    }
    facts = json.loads((folder / runs.SCORES).read_text(encoding="utf-8"))["training"]
    history = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return TrainResult(
        folder=folder,
        predictor=predictor,
        dev=judged.get("dev"),
        test=judged.get("test"),
        notes=parts.notes,
        files={"model": folder},
        history=[json.loads(line) for line in history],
        best_step=facts["best_step"],
        train_s=facts["train_s"],
    )


def read_for_prediction(source: str | Path | BinaryIO, form: InputFormat, data: DataConfig) -> Corpus:
    """Read words to label: any corpus format, or raw text with one sentence a line.

    Args:
        source: A file, or an open binary stream.
        form: A format, ``"text"``, or ``"auto"``: text is what no corpus format fits.
        data: Settings of the corpus formats.
    """
    if not isinstance(source, str | Path):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stdin"
            path.write_bytes(source.read())
            try:
                return replace(read_for_prediction(path, form, data), source="standard input")
            except DataError as error:
                raise DataError(str(error).replace(str(path), "standard input")) from error
    loaded = load(Path(source))
    if form != "text" and not (form == "auto" and data.columns is None and _is_text(loaded)):
        return _read(source, form, data)
    sentences = tuple(
        replace(text.sentence(line), line=number)
        for number, line in enumerate(split_lines(loaded.text), start=1)
        if not is_blank(line)
    )
    note = Note("text", f"read as text, one sentence a line: {len(sentences):,} sentences", len(sentences))
    return Corpus(sentences, source=str(source), notes=(*loaded.notes, note))


def _check_sources(config: RunConfig, corpora: Mapping[str, Corpus]) -> None:
    """Say everything that is missing at once, before anything is read or loaded."""
    files = {"train": config.data.train, "dev": (config.data.dev,), "test": (config.data.test,)}
    named = [path for name, paths in files.items() if name not in corpora for path in paths if path is not None]
    faults = [
        f"[data] expected a file or an archive's member at {path!r}, found none" for path in named if not _exists(path)
    ]
    has_dev = config.data.dev is not None or "dev" in corpora or config.data.split[1] > 0
    if config.training.patience and not has_dev:
        faults.append("[training] patience: early stopping needs a dev part; give a dev file or a share in split")
    faults += check_training(config.training, config.model)
    if not config.data.train and "train" not in corpora:
        faults.append(_NO_TRAINING_DATA)
    try:
        resolve_encoder(config.model.encoder)
    except (EncoderError, MissingExtraError) as error:
        faults.append(f"[model] encoder: {error}")
    if faults:
        raise ConfigError(faults)


def _check_tag_sets(parts: Parts) -> None:
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


def _exists(source: str) -> bool:
    path = Path(source)
    return source == SAMPLE or path.is_file() or any(parent.is_file() for parent in path.parents)


def _part(
    name: str, files: str | Sequence[str] | None, corpora: Mapping[str, Corpus], data: DataConfig
) -> Corpus | None:
    if name not in corpora and not files:
        return None
    corpus = corpora[name] if name in corpora else _read(files or (), data.format, data)
    return _clean(corpus, data, drop_duplicates=data.drop_duplicates and name == "train")


def _is_text(source: Source) -> bool:
    """Whether a file is text and no corpus; so are bare lines of one or two words, which could pass for columns."""
    try:
        form = recognise(source)
    except FormatError:
        return True
    if form != "columns" or "\t" in source.text:
        return False
    lines = split_lines(source.text)
    return not any(map(is_blank, lines[:-1])) and not any(line.endswith(" O") for line in lines)


def _read(source: str | Path | Sequence[str | Path], form: Format, data: DataConfig) -> Corpus:
    pos: Literal["upos", "xpos"] = "upos" if data.upos else "xpos"
    return read(source, format=form, columns=data.columns, pos=pos, label_names=data.label_names)


def _clean(corpus: Corpus, data: DataConfig, *, drop_duplicates: bool = False) -> Corpus:
    return clean(corpus, scheme=data.scheme, repair=data.repair, drop_duplicates=drop_duplicates).corpus


def _judge(predictor: Predictor, corpus: Corpus, *, side_by_side: bool = True, progress: bool) -> Judged:
    if not corpus.has_labels:
        raise DataError("expected sentences with entity tags to score against, found none", path=corpus.source)
    gold = with_scheme(corpus, predictor.scheme)
    tags = [sentence.labels or () for sentence in gold]
    predictions = {
        regime: predict_under(predictor, gold.sentences, regime, progress=progress)
        for regime in regimes_of(predictor, gold.sentences)[: None if side_by_side else 1]
    }
    evaluations = {r: score(tags, [p.labels for p in found], predictor.scheme) for r, found in predictions.items()}
    first = next(iter(predictions))
    return Judged(
        evaluations[first],
        predictions[first],
        gold,
        by_tags=evaluations if len(evaluations) > 1 else {},
        pos_accuracy=tag_accuracy(gold.sentences, predictions["source"]) if "source" in predictions else None,
    )


def _leaks(parts: Parts) -> list[Note]:
    seen = {sentence.words for sentence in parts.train}
    notes = []
    for name, part in parts.items():
        repeated = [s for s in part if s.words in seen and len(s) > 3] if name != "train" else []
        if repeated:
            message = f"{len(repeated)} sentences of the {name} part, of 4 words or more, are in the training part too"
            lines = tuple(s.line for s in repeated[:5] if s.line is not None)
            notes.append(Note("leak", message, len(repeated), lines))
    return notes


def _unused(corpus: Corpus, config: RunConfig) -> list[Note]:
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
