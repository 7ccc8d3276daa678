"""The functions of ``import nomina``: the workflow with the arguments that people type in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from nomina import checking, workflow
from nomina.data.cleaning import Cleaned
from nomina.data.corpus import Corpus, CorpusSplit
from nomina.data.records import Sentence
from nomina.errors import ConfigError, DataError
from nomina.inference import Predictor
from nomina.judging import Judged
from nomina.training.config import RunConfig
from nomina.tuning import ARMS, SearchOptions

__all__ = ["check", "compare", "evaluate", "load", "train", "tune"]

Source = str | Path | Corpus | Cleaned | Sequence[Sentence]
Files = Sequence[str | Path]
Say = Callable[[str], None]

_READING = ("format", "columns", "upos", "label_names", "scheme", "repair", "cut_spans", "overlaps")


def train(
    data: Source | Files | CorpusSplit,
    *,
    output: str | Path,
    dev: Source | None = None,
    test: Source | None = None,
    config: RunConfig | str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    say: Say = print,
    **settings: Any,
) -> workflow.TrainResult:
    """Train a tagger, choose the best epoch by dev F1, score it on the test part, save it with its figures.

    Args:
        data: Training data: a corpus or its split, sentences, a file of any format, several files, or ``"sample"``.
        output: Model folder to write.
        dev: Dev part; without it, a part of the training data, by the setting ``split``.
        test: Test part; the same. For none at all, ``split=(90, 10, 0)``.
        config: Settings, or a TOML file with them.
        resume: Continue an interrupted run in this folder.
        overwrite: Replace an earlier run in this folder.
        progress: Whether to draw progress bars (on a terminal).
        say: Told what happens, one line at a time.
        settings: Single settings by name, such as ``encoder="minilm"`` or ``epochs=2``; they win over ``config``.
            ``nomina train --help`` lists them.

    Returns:
        The model, its scores and what was written.

    Raises:
        NominaError: As :mod:`nomina.errors` says; a ``ConfigError`` lists all faulty settings at once.
    """
    run, corpora = _run(data, dev, test, config, settings)
    return workflow.train(run, output, corpora=corpora, resume=resume, overwrite=overwrite, progress=progress, say=say)


def compare(
    data: Source | Files | CorpusSplit,
    *,
    output: str | Path,
    dev: Source | None = None,
    test: Source | None = None,
    config: RunConfig | str | Path | None = None,
    arms: Sequence[str] = ARMS,
    seeds: Sequence[int] = (13, 14, 15),
    sizes: Sequence[int] = (),
    tag_with: str | None = None,
    progress: bool = True,
    say: Say = print,
    **settings: Any,
) -> workflow.CompareResult:
    """Train with and without part-of-speech tags, over several seeds, and say which differences are real.

    Args:
        data: As for :func:`train`.
        output: Folder of the comparison; runs that are finished there are not run again.
        dev: As for :func:`train`.
        test: As for :func:`train`.
        config: Settings of all runs, or a TOML file with them.
        arms: What to compare, the baseline first; :func:`nomina.tuning.parse_arm` says how they are named.
        seeds: Of training.
        sizes: Numbers of training sentences; all of them where empty.
        tag_with: A spaCy pipeline (``"spacy:en_core_web_sm"``) whose tags are also read in scoring.
        progress: Whether to draw progress bars (on a terminal).
        say: Told what happens, one line at a time.
        settings: As for :func:`train`.

    Raises:
        NominaError: As :mod:`nomina.errors` says.
    """
    run, corpora = _run(data, dev, test, config, settings)
    return workflow.compare(
        run,
        output,
        corpora=corpora,
        arms=arms,
        seeds=seeds,
        sizes=sizes,
        tag_with=tag_with,
        progress=progress,
        say=say,
    )


def tune(
    data: Source | Files | CorpusSplit,
    *,
    output: str | Path,
    space: Mapping[str, Any] | str | Path | None = None,
    strategy: Literal["halving", "grid", "tpe"] = "halving",
    dev: Source | None = None,
    test: Source | None = None,
    config: RunConfig | str | Path | None = None,
    search: Mapping[str, Any] | None = None,
    say: Say = print,
    **settings: Any,
) -> workflow.TuneResult:
    """Search settings by dev F1, and train the best to a model folder.

    Args:
        data: As for :func:`train`.
        output: Folder of the search. The same call on it goes on where an earlier one stopped, however it stopped.
        space: What to search: values by setting, as ``{"learning_rate": [1e-4, 3e-4], "dropout": {"low": 0.0, "high":
            0.3}}``, or a TOML file with the same; learning rate, batch size, dropout and POS dimension if not given.
        strategy: ``"halving"`` trains all choices a little and the best of them to the end, ``"grid"`` all of them to
            the end, ``"tpe"`` lets Optuna's sampler choose.
        dev: As for :func:`train`; what decides.
        test: As for :func:`train`; looked at when the winner is found.
        config: Settings of all trials, or a TOML file with them.
        search: More of :class:`nomina.tuning.SearchOptions`, as ``{"n_trials": 30, "n_workers": 2, "n_seeds": 3}``.
        say: Told what happens, one line at a time.
        settings: As for :func:`train`.

    Raises:
        NominaError: As :mod:`nomina.errors` says.
    """
    run, corpora = _run(data, dev, test, config, settings)
    known = {field.name for field in fields(SearchOptions)} - {"space", "strategy"}
    unknown = sorted(set(search or {}) - known)
    if unknown:
        raise ConfigError([f"search: expected {', '.join(sorted(known))}; found {', '.join(unknown)}"])
    options = SearchOptions(strategy=strategy, space=space, **(search or {}))
    return workflow.tune(run, output, options, corpora=corpora, say=say)


def check(
    data: Source | Files | CorpusSplit,
    *,
    dev: Source | None = None,
    test: Source | None = None,
    config: RunConfig | str | Path | None = None,
    encoder: str | None = None,
    output: str | Path | None = None,
    fix: str | Path | None = None,
    overwrite: bool = False,
    **settings: Any,
) -> checking.CheckResult:
    """Look through a corpus before training: sizes, and what is wrong with it, with file and line.

    Args:
        data: As for :func:`train`; corpora as they were read, since cleaning mends what an audit looks for.
        dev: Dev part, if it has a file of its own; nothing is split off.
        test: Test part; the same.
        config: Settings of reading, or a TOML file with them.
        encoder: Encoder whose word pieces are looked at; ``"none"`` for none; if not given, the default encoder where
            it is on this machine.
        output: Folder for ``audit.json`` and ``audit.html``; nothing is written where ``None``.
        fix: Where a mended copy goes: a file (``.jsonl``, or columns), with several parts a folder.
        overwrite: Replace files that are there already.
        settings: How to read files: ``format``, ``columns``, ``upos``, ``label_names``, ``scheme``, ``repair``,
            ``cut_spans``, ``overlaps``.

    Returns:
        The audit, what was written and what was changed.

    Raises:
        NominaError: As :mod:`nomina.errors` says.
    """
    run, corpora = _run(data, dev, test, config, settings)
    return checking.check(
        run,
        corpora=corpora,
        encoder=encoder,
        output=None if output is None else Path(output),
        fix_to=None if fix is None else Path(fix),
        overwrite=overwrite,
    )


def _run(
    data: object,
    dev: Source | None,
    test: Source | None,
    config: RunConfig | str | Path | None,
    settings: dict[str, Any],
) -> tuple[RunConfig, dict[str, Corpus]]:
    """Settings with the files to read, and the corpora that are in memory."""
    if isinstance(data, CorpusSplit):
        whole: tuple[object, ...] = (data.train, data.dev if dev is None else dev, data.test if test is None else test)
    else:
        whole = (data, dev, test)
    given = {name: _source(source) for name, source in zip(("train", "dev", "test"), whole, strict=True)}
    corpora = {name: source for name, source in given.items() if isinstance(source, Corpus)}
    files = {name: source for name, source in given.items() if source is not None and not isinstance(source, Corpus)}
    for name in ("dev", "test"):
        if len(files.get(name, ())) > 1:
            raise ConfigError(
                [f"[data] {name}: expected one file or a corpus, found several; join them with nomina.read"]
            )
    flags = {**settings, **{name: paths if name == "train" else paths[0] for name, paths in files.items()}}
    if isinstance(config, RunConfig):
        return config.with_settings(**flags), corpora
    return RunConfig.build(None, **flags) if config is None else RunConfig.load(Path(config), **flags), corpora


def evaluate(
    model: Predictor | str | Path,
    data: Source | Files,
    *,
    against: str | Path | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **settings: Any,
) -> Judged:
    """Score a model on a corpus with entity tags, and say how far the scores can be trusted and where it errs.

    Args:
        model: A model folder, or a loaded model.
        data: A corpus, a file of any format, several files, or ``"sample"``.
        against: Folder of another model, to be set against on the same sentences.
        output: Folder for the report, figures, scores and predictions; nothing is written where ``None``.
        overwrite: Whether an earlier evaluation in that folder may be replaced.
        progress: Whether to draw a progress bar (on a terminal).
        settings: How to read files: ``format``, ``columns``, ``upos``, ``label_names``, ``scheme``, ``repair``,
            ``cut_spans``, ``overlaps``.

    Raises:
        NominaError: As :mod:`nomina.errors` says.
    """
    unknown = sorted(set(settings) - set(_READING))
    if unknown:
        raise ConfigError([f"evaluate reads files by {', '.join(_READING)}; found {', '.join(unknown)}"])
    source = _source(data)
    if source is None:
        raise DataError("expected a corpus or files to evaluate on, found None")
    reading = RunConfig.build(None, **settings).data
    return workflow.evaluate(
        model, source, settings=reading, against=against, output=output, overwrite=overwrite, progress=progress
    )


def load(folder: str | Path, *, device: str = "auto") -> Predictor:
    """Open a model folder.

    Args:
        folder: What :func:`train` or ``nomina train`` wrote.
        device: ``"auto"`` (a GPU where there is one), ``"cpu"``, ``"cuda"`` …

    Raises:
        ModelError: If the folder is missing or incomplete.
    """
    return Predictor.load(Path(folder), device=device)


def _source(source: object) -> Corpus | tuple[str, ...] | None:
    """What people pass as data: a corpus in any of its wrappings, or the names of files.

    Raises:
        DataError: On anything else.
    """
    if source is None or isinstance(source, Corpus):
        return source
    if isinstance(source, Cleaned):
        return source.corpus
    if isinstance(source, str | Path):
        return (str(source),)
    if isinstance(source, Sequence) and source:
        if all(isinstance(item, str | Path) for item in source):
            return tuple(map(str, source))
        if all(isinstance(item, Sentence) for item in source):
            return Corpus(tuple(source))
    raise DataError(
        f"expected a corpus, sentences, a file or several files, found {type(source).__name__}: {source!r:.80}"
    )
