"""Train the same corpus with and without features, heads and context, and say which differences are real."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nomina.data.corpus import Corpus
from nomina.data.tagsets import POS, SPACY
from nomina.errors import ConfigError, MissingExtraError, OutputError
from nomina.files import write_text
from nomina.inference import Predictor, Regime, predict_under, regimes_of, tag_accuracy, tag_source
from nomina.scoring.comparison import Comparison, compare_arms
from nomina.scoring.significance import sentence_counts
from nomina.training.checkpoints import latest
from nomina.training.checks import check_training, resolve_features
from nomina.training.config import RunConfig
from nomina.training.fit import fit
from nomina.training.prepare import with_scheme
from nomina.tuning.plan import flat

__all__ = ["ARMS", "Arm", "parse_arm", "run_comparison"]

ARMS = ("none", "concat", "add", "gate", "attention", "shape", "pos+shape", "joint", "crf", "document")
"""Arms by default; what a corpus cannot offer (documents, tags) is left out, and said."""

_FUSIONS = ("concat", "add", "gate", "attention")
_SETUP = "setup.json"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Arm:
    """One way to train: the settings in which it differs.

    Attributes:
        name: As it was asked for.
        settings: Settings by their own names.
    """

    name: str
    settings: Mapping[str, Any]

    @property
    def reads_tags(self) -> bool:
        """Whether it reads part-of-speech tags."""
        return any(feature.split(":")[0] == POS for feature in self.settings["features"])

    @property
    def without_tags(self) -> tuple[Any, ...]:
        """What it does besides reading tags; equal for arms that differ in the tags alone."""
        others = tuple(f for f in self.settings["features"] if f.split(":")[0] != POS)
        return (others or ("none",), *(self.settings[name] for name in ("head", "constrained", "context")))


def parse_arm(name: str) -> Arm:
    """Read an arm's name: parts joined by ``+``.

    ``none`` reads words alone. ``concat``, ``add``, ``gate`` and ``attention`` read ``pos`` by that fusion; ``joint``
    and ``spacy:PIPELINE`` read it with that source. ``crf`` and ``constrained`` choose how words are labelled,
    ``document`` what the encoder sees. Anything else is a token feature: ``pos``, ``shape``, a column. What an arm does
    not name, it does without: ``crf`` alone reads no tags, ``pos+crf`` does.

    Raises:
        ConfigError: If a part is empty, or two of them contradict each other.
    """
    parts = name.split("+")
    features: list[str] = []
    settings: dict[str, Any] = {}

    def put(setting: str, value: Any) -> None:
        if setting in settings:
            raise ConfigError([f"arms: {name!r} names two values of {setting}: {settings[setting]} and {value}"])
        settings[setting] = value

    for part in parts:
        if part in _FUSIONS:
            put("fusion", part)
        elif part == "joint" or part.startswith(SPACY):
            put("pos_source", part)
        elif part == "crf":
            put("head", part)
        elif part == "constrained":
            put("constrained", True)
        elif part == "document":
            put("context", part)
        elif not part:
            raise ConfigError([f"arms: expected names joined by +, as in pos+shape, found {name!r}"])
        elif part != "none":
            features.append(part)
    if settings.keys() & {"fusion", "pos_source"} and not any(part.split(":")[0] == POS for part in features):
        features.append(POS)
    names = tuple(dict.fromkeys(features))
    defaults = {"fusion": "concat", "head": "linear", "constrained": False, "context": "sentence", "pos_source": "none"}
    return Arm(name, defaults | settings | {"features": names or ("none",)})


def run_comparison(
    train: Corpus,
    dev: Corpus | None,
    test: Corpus,
    config: RunConfig,
    folder: Path,
    *,
    arms: Sequence[str] = ARMS,
    seeds: Sequence[int] = (13, 14, 15),
    sizes: Sequence[int] = (),
    tag_with: str | None = None,
    progress: bool = False,
    say: Say = lambda line: None,
) -> Comparison:
    """Train every arm with every seed and size, and score each on the same test sentences.

    What is finished is not run again: the same call on the same folder goes on where an earlier one stopped, within a
    run from its last checkpoint. More arms, seeds and sizes can be added.

    Args:
        train: Training part.
        dev: For the best epoch of each run; without it, the last one counts.
        test: What to score on.
        config: Settings of all runs; an arm's own win.
        folder: Where results go, one small file a run; models are not kept.
        arms: Names as :func:`parse_arm` reads them; the first is the baseline.
        seeds: Of training.
        sizes: Numbers of training sentences, the first ones of the training part; all of them where empty.
        tag_with: A pipeline (``"spacy:…"``) whose tags are also read, in scoring, by arms that were trained on the
            corpus's own.
        progress: Whether to draw progress bars.
        say: Told what happens, one line at a time.

    Raises:
        ConfigError: If an arm cannot be understood, asks for what the corpus lacks, or the folder's runs had other
            settings or data.
        OutputError: If the folder holds something else.
    """
    n_sentences = sorted({min(size, len(train)) for size in sizes}) or [len(train)]
    seeds = tuple(seeds)
    _check(arms, seeds, sizes, test, tag_with)
    parsed = [parse_arm(name) for name in dict.fromkeys(arms)]
    smallest = train[: min(n_sentences)]
    chosen, notes = _possible(parsed, smallest, test, config, is_default=arms is ARMS)
    if any(size > len(train) for size in sizes):
        notes.append(f"there are {len(train):,} training sentences; sizes above that were cut")
    for note in notes:
        say(note)
    _begin(folder, config, {"train": train, "dev": dev, "test": test}, tag_with)
    runs = [(size, seed, arm) for size in n_sentences for seed in seeds for arm in chosen]
    for i, (size, seed, arm) in enumerate(runs, start=1):
        path = _path(folder, arm, size, seed)
        work = path.with_suffix("")
        if not path.is_file():
            say(f"run {i} of {len(runs)}: {arm.name}, {size:,} sentences, seed {seed}")
            run_config = config.with_settings(**arm.settings, seed=seed)
            result = _run(train[:size], dev, test, run_config, work, tag_with, progress=progress, say=say)
            write_text(path, json.dumps(result) + "\n")
        if work.is_dir():  # only now: what was trained can be scored again until its scores are written
            shutil.rmtree(work)
    return _gather(folder, chosen, n_sentences, seeds, notes)


def _check(arms: Sequence[str], seeds: Sequence[int], sizes: Sequence[int], test: Corpus, tag_with: str | None) -> None:
    """Refuse what makes no comparison, all faults at once, before anything is trained."""
    faults = []
    if not arms:
        faults.append("arms: expected at least one, found none")
    if not seeds or len(set(seeds)) != len(seeds):
        faults.append(f"seeds: expected different ones, at least one, found {list(seeds)}")
    if any(size < 1 for size in sizes):
        faults.append(f"sizes: expected numbers of sentences, 1 or more, found {list(sizes)}")
    if not test.has_labels:
        faults.append(f"[data] test: expected sentences with entity tags in {test.source}, found none")
    if tag_with is not None and not tag_with.startswith(SPACY):
        faults.append(f"tag_with: expected a pipeline, as in spacy:en_core_web_sm, found {tag_with!r}")
    try:
        tag_source(tag_with or "none")
    except ConfigError as error:
        faults += [fault.replace("[model] pos_source", "tag_with") for fault in error.faults]
    except MissingExtraError as error:
        faults.append(f"tag_with: {error}")
    if faults:
        raise ConfigError(faults)


def _possible(
    arms: Sequence[Arm], train: Corpus, test: Corpus, config: RunConfig, *, is_default: bool
) -> tuple[list[Arm], list[str]]:
    """Arms that this corpus allows; of the default ones, those that it does not are left out and said."""
    chosen, notes, faults = [], [], []
    for arm in arms:
        found: list[str] = []
        try:
            run_config = config.with_settings(**arm.settings)
            resolve_features(run_config.model, train)
            found = check_training(run_config.training, run_config.model)
        except ConfigError as error:
            found = list(error.faults)
        if arm.reads_tags and POS not in test.feature_names and arm.settings["pos_source"] == "none":
            found.append(f"expected part-of-speech tags on every test sentence in {test.source}")
        if not found:
            chosen.append(arm)
        elif is_default:
            notes.append(f"the arm {arm.name!r} is left out: {'; '.join(found)}")
        else:
            faults += [f"arm {arm.name!r}: {fault}" for fault in found]
    if faults:
        raise ConfigError(faults)
    return chosen, notes


def _begin(folder: Path, config: RunConfig, parts: Mapping[str, Corpus | None], tag_with: str | None) -> None:
    """Make the folder and write what all its runs share; a folder with other runs is left alone."""
    setup = {
        "settings": config.model_dump(mode="json"),
        "data": {name: part.fingerprint() for name, part in parts.items() if part is not None},
        "tag_with": tag_with,
    }
    path = folder / _SETUP
    if not path.is_file():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(f"{folder} exists and holds no comparison; choose another folder (--output, output=)")
        write_text(path, json.dumps(setup, indent=2) + "\n")
        return
    begun, now = flat(json.loads(path.read_text(encoding="utf-8"))), flat(setup)
    faults = [
        f"{name}: the runs in {folder} have {begun.get(name)!r}, found {value!r}"
        for name, value in {**dict.fromkeys(begun), **now}.items()
        if begun.get(name) != value
    ]
    if faults:
        raise ConfigError(faults)


def _path(folder: Path, arm: Arm, size: int, seed: int) -> Path:
    safe = "".join(c if c.isalnum() or c in "+-" else f"%{ord(c):02x}" for c in arm.name)
    return folder / "runs" / f"{safe}-{size}-{seed}.json"


def _run(
    train: Corpus,
    dev: Corpus | None,
    test: Corpus,
    config: RunConfig,
    folder: Path,
    tag_with: str | None,
    *,
    progress: bool,
    say: Say,
) -> dict[str, Any]:
    """Train one arm and count its entities, sentence by sentence, under every regime of tags."""
    folder.mkdir(parents=True, exist_ok=True)
    is_resumed = latest(folder / "checkpoints") is not None
    fitted = fit(train, dev, config, folder, resume=True, progress=progress, say=say)
    predictor = fitted.predictor
    if tag_with is not None and predictor.pos_source == "none" and POS in predictor.features:
        predictor.settings.pos_source = tag_with
    gold = with_scheme(test, predictor.scheme)
    main, *others = _regimes(predictor, gold)
    counts, accuracy = {}, None
    for regime in (main, *others):
        predictions = predict_under(predictor, gold.sentences, regime, progress=progress)
        table = sentence_counts([s.labels or () for s in gold], [p.labels for p in predictions])
        counts[regime] = table.tolist()
        if regime == "source":
            accuracy = tag_accuracy(gold.sentences, predictions)
    # Of a resumed run, the seconds before it was stopped are not known.
    train_s = None if is_resumed else fitted.train_s
    return {"main": main, "counts": counts, "train_s": train_s, "pos_accuracy": accuracy}


def _regimes(predictor: Predictor, gold: Corpus) -> tuple[Regime, ...]:
    regimes = regimes_of(predictor, gold.sentences)
    return (*regimes, "shuffled") if "given" in regimes else regimes


def _gather(
    folder: Path, arms: Sequence[Arm], sizes: Sequence[int], seeds: Sequence[int], notes: Sequence[str]
) -> Comparison:
    counts: dict[tuple[str, str, int], Any] = {}
    costs: dict[tuple[str, int], float | None] = {}
    accuracies: dict[tuple[str, int], float] = {}
    main: dict[str, str] = {}
    for size in sizes:
        for arm in arms:
            results = [json.loads(_path(folder, arm, size, seed).read_text(encoding="utf-8")) for seed in seeds]
            main[arm.name] = results[0]["main"]
            for regime in results[0]["counts"]:
                counts[arm.name, regime, size] = np.array([result["counts"][regime] for result in results])
            costs[arm.name, size] = _mean(result["train_s"] for result in results)
            accuracy = _mean(result["pos_accuracy"] for result in results)
            if accuracy is not None:
                accuracies[arm.name, size] = accuracy
    return compare_arms(
        counts,
        main_tags=main,
        references=_references(arms),
        train_s=costs,
        pos_accuracy=accuracies,
        seeds=seeds,
        notes=notes,
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _references(arms: Sequence[Arm]) -> dict[str, str]:
    """For each arm that reads tags, the first one that does all else the same and reads none."""
    bare = {arm.without_tags: arm.name for arm in reversed(arms) if not arm.reads_tags}
    return {arm.name: bare[arm.without_tags] for arm in arms if arm.reads_tags and arm.without_tags in bare}
