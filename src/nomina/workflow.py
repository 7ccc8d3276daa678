"""The whole story, top to bottom: read, clean, split, fit, evaluate, report, save."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nomina import runs
from nomina.data.corpus import Corpus
from nomina.data.tagsets import POS
from nomina.errors import CheckpointError, ConfigError
from nomina.files import alone, write_text
from nomina.inference import Predictor
from nomina.judging import Judged, judge, unknown_types, with_rival
from nomina.reading import check_sources, check_tag_sets, clean_corpus, load_parts, read_files
from nomina.report.comparison import comparison_markdown, draw_comparison
from nomina.report.search import draw_search, search_markdown, trials_csv
from nomina.results import CompareResult, TrainResult, TuneResult
from nomina.runs import Parts
from nomina.scoring.mentions import MENTIONS_FILE, SeenMentions, load_mentions, seen_mentions
from nomina.training.checks import resolve_features
from nomina.training.config import DataConfig, RunConfig
from nomina.training.distributed import is_main_process
from nomina.training.fit import fit
from nomina.tuning import ARMS, LocalWorkers, SearchOptions, Snapshot, Workers, run_comparison, run_search

__all__ = ["CompareResult", "TrainResult", "TuneResult", "compare", "evaluate", "train", "tune"]

Say = Callable[[str], None]


def _say_nothing(line: str) -> None:
    pass


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
    check_sources(config, corpora or {})
    if is_main:
        runs.prepare(folder, config, resume=resume, overwrite=overwrite)
    parts = load_parts(config, corpora, say=say)
    if POS in resolve_features(config.model, parts.train) and config.model.pos_source == "none":
        check_tag_sets(parts)
    if is_main:
        runs.begin(folder, config, parts, replace=overwrite and not resume)
    return _fit_and_judge(parts, config, folder, resume=resume, progress=progress, say=say)


def _fit_and_judge(
    parts: Parts, config: RunConfig, folder: Path, *, resume: bool, progress: bool, say: Say
) -> TrainResult:
    """What is left of a run once its folder is there."""
    fitted = fit(parts.train, parts.dev, config, folder, resume=resume, progress=progress, say=say)
    judged: dict[str, Judged] = {}
    files: dict[str, Path] = {}
    if is_main_process():
        mentions = seen_mentions(parts.train)
        judged = _judge_parts(fitted.predictor, parts, mentions, progress=progress)
        files = runs.finish(folder, config, parts, fitted, judged, mentions)
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


def evaluate(
    model: Predictor | str | Path,
    data: Corpus | str | Path | Sequence[str | Path],
    *,
    settings: DataConfig | None = None,
    against: str | Path | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = False,
    say: Say = _say_nothing,
) -> Judged:
    """Score a model on a corpus with labels.

    Args:
        model: A model folder, or a loaded one.
        data: A corpus, or files to read.
        settings: How to read files (format, columns, scheme, repair).
        against: Folder of another model, to be set against on the same sentences.
        output: Folder for the report, figures, scores and predictions; nothing is written where ``None``.
        overwrite: Whether an earlier evaluation in that folder may be replaced.
        progress: Whether to draw a progress bar.
        say: Told what happens, one line at a time.

    Raises:
        DataError: If the corpus has no labels.
        ModelError: If the model folder is incomplete.
        OutputError: If the folder holds files that would be lost, or cannot be written.
    """
    if output is not None:
        runs.check_judged(Path(output), overwrite=overwrite)
    settings = settings or DataConfig()
    if isinstance(data, Corpus):
        gold = as_read = data
    else:
        as_read = read_files(data, settings.format, settings)
        as_read = replace(as_read, scheme=settings.scheme or as_read.scheme)
        gold = clean_corpus(as_read, settings)
        for note in gold.notes:
            say(note.message)
    predictor = model if isinstance(model, Predictor) else Predictor.load(Path(model))
    rival = None if against is None else Predictor.load(Path(against))
    for note in predictor.notes(gold.sentences):
        say(note.message)
    for name, known in (("the model", predictor), (str(against), rival)):
        if known is not None and (message := unknown_types(gold, known)):
            say(f"{name} {message}")
    folder = predictor.folder
    judged = judge(
        predictor,
        gold,
        mentions=None if folder is None else load_mentions(folder / MENTIONS_FILE),
        progress=progress,
    )
    if rival is not None:
        judged = with_rival(judged, rival, str(against), progress=progress)
    if output is None:
        return judged
    return replace(judged, files=runs.write_judged(judged, Path(output), folder, as_read))


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
    check_sources(config, corpora or {})
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
    check_sources(config, corpora or {})
    parts = load_parts(config, corpora, say=say)
    if parts.dev is None:
        raise ConfigError(["[data] dev: a search needs a dev part; give a dev file or a share in split"])
    if POS in resolve_features(config.model, parts.train) and config.model.pos_source == "none":
        check_tag_sets(parts)
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
        try:
            result = _fit_and_judge(parts, config, fresh, resume=True, progress=False, say=_say_nothing)
        except CheckpointError as error:
            say(f"the winner is trained again: {error}")
            shutil.rmtree(fresh)
            runs.begin(fresh, config, parts)
            result = _fit_and_judge(parts, config, fresh, resume=False, progress=False, say=_say_nothing)
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
    judged = _judge_parts(predictor, parts, seen_mentions(parts.train), is_calibrated=True)
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


def _judge_parts(
    predictor: Predictor,
    parts: Parts,
    mentions: SeenMentions,
    *,
    is_calibrated: bool = False,
    progress: bool = False,
) -> dict[str, Judged]:
    """Judge the dev part, which span scores are calibrated on, and the test part."""
    return {
        name: judge(
            predictor,
            part,
            mentions=mentions,
            side_by_side=name == "test",
            fits_temperature=name == "dev" and not is_calibrated,
            progress=progress,
        )
        for name, part in parts.items()
        if name != "train"
    }
