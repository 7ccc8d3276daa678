"""The folder of a run: begun, resumed, and finished with everything in it.

``run.toml`` is the first file and ``scores.json`` the last one: a folder with the first alone holds an interrupted run.
"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nomina.data.audit import audit
from nomina.data.corpus import Corpus
from nomina.data.formats.write import feature_columns
from nomina.data.records import Note
from nomina.encoding.encoders import BUNDLED
from nomina.errors import ConfigError, OutputError
from nomina.files import write_text
from nomina.inference import REGIMES
from nomina.judging import Judged
from nomina.report.card import CardFacts, PartSize, model_card
from nomina.report.figures import draw_evaluation, draw_training
from nomina.report.html.audit import audit_html
from nomina.report.html.evaluation import ReportFacts, evaluation_report
from nomina.scoring.mentions import MENTIONS_FILE, SeenMentions, save_mentions
from nomina.training.config import RunConfig
from nomina.training.fit import FitResult

__all__ = [
    "SCORES",
    "Parts",
    "begin",
    "check_judged",
    "finish",
    "is_complete",
    "prediction_lines",
    "prepare",
    "write_judged",
]

SCORES = "scores.json"
_RUN = "run.toml"
_DATA = "data.json"
_REPORT = "report.html"
_PREDICTIONS = "predictions.jsonl"


@dataclass(frozen=True)
class Parts:
    """Training, dev and test part of a run, cleaned, with what there was to say about them.

    Attributes:
        train: Training part.
        dev: Dev part.
        test: Test part.
        notes: What reading, cleaning and splitting did.
        as_read: What the parts were made of, as it was read, by the part that it was named for.
    """

    train: Corpus
    dev: Corpus | None
    test: Corpus | None
    notes: tuple[Note, ...] = ()
    as_read: Mapping[str, Corpus] = field(default_factory=dict)

    def items(self) -> Iterator[tuple[str, Corpus]]:
        """The parts that exist, by name."""
        for name, part in (("train", self.train), ("dev", self.dev), ("test", self.test)):
            if part is not None:
                yield name, part


def prepare(folder: Path, config: RunConfig, *, resume: bool, overwrite: bool) -> None:
    """Check that a run may be written to a folder, before anything is loaded.

    Raises:
        OutputError: If the folder holds something that would be lost.
        ConfigError: If the run to resume had other settings.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir() or not (folder / _RUN).is_file():
        raise OutputError(f"{folder} exists and holds no run; choose another folder (--output, output=)")
    if overwrite and not resume:
        return
    if (folder / SCORES).is_file():
        raise OutputError(
            f"{folder} holds a complete run; choose another folder (--output, output=), or replace it "
            "(--overwrite, overwrite=True)"
        )
    if not resume:
        raise OutputError(
            f"{folder} holds an interrupted run; continue it (--resume, resume=True), or replace it "
            "(--overwrite, overwrite=True)"
        )
    begun = RunConfig.load(folder / _RUN)
    if begun != config:
        raise ConfigError(list(_differences(begun, config, folder)))


def _differences(begun: RunConfig, config: RunConfig, folder: Path) -> Iterator[str]:
    old, new = begun.model_dump(mode="json"), config.model_dump(mode="json")
    for section, values in new.items():
        for name, value in values.items():
            if old[section][name] != value:
                yield f"[{section}] {name}: the interrupted run in {folder} has {old[section][name]!r}, found {value!r}"


def is_complete(folder: Path, config: RunConfig) -> bool:
    """Whether a folder holds a finished run with these settings."""
    return (folder / SCORES).is_file() and (folder / _RUN).is_file() and RunConfig.load(folder / _RUN) == config


def begin(folder: Path, config: RunConfig, parts: Parts, *, replace: bool = False) -> None:
    """Make the folder, and write the settings and the fingerprint of the data into it.

    Args:
        folder: The folder, checked by :func:`prepare`.
        config: Settings of the run.
        parts: Its data.
        replace: Whether to remove what an earlier run left there; only now, when the new run can begin.

    Raises:
        ConfigError: If the run to resume had other data.
        OutputError: If the folder cannot be made.
    """
    try:
        if replace and folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from error
    data = {name: _describe(part) for name, part in parts.items()}
    begun = folder / _DATA
    if begun.is_file() and json.loads(begun.read_text(encoding="utf-8")) != data:
        raise ConfigError([f"[data] the interrupted run in {folder} had other data; give it the same, or begin anew"])
    write_text(folder / _RUN, config.to_toml())
    write_text(begun, json.dumps(data, indent=2) + "\n")


def _describe(corpus: Corpus) -> dict[str, Any]:
    return {"sentences": len(corpus), "words": corpus.n_words, "sha256": corpus.fingerprint()}


def finish(
    folder: Path,
    config: RunConfig,
    parts: Parts,
    fitted: FitResult,
    judged: Mapping[str, Judged],
    mentions: SeenMentions,
) -> dict[str, Path]:
    """Write the model, figures, predictions, card and scores.

    Args:
        folder: The run's folder.
        config: Its settings.
        parts: Its data.
        fitted: Its model.
        judged: Scores by part (``"dev"``, ``"test"``); figures and predictions are those of the last one.
        mentions: What the training part names.

    Returns:
        What was written, by purpose.
    """
    fresh = folder / ".model.tmp"
    shutil.rmtree(fresh, ignore_errors=True)
    fitted.predictor.save(fresh)
    for path in fresh.iterdir():
        path.replace(folder / path.name)
    fresh.rmdir()

    files = {"model": folder, "settings": folder / _RUN, "history": folder / "history.jsonl"}
    files |= draw_training(fitted.history, folder / "figures")
    save_mentions(mentions, folder / MENTIONS_FILE)
    if judged:
        files |= _draw_and_list(list(judged.values())[-1], folder / "figures", folder / _PREDICTIONS)
        files["report"] = folder / _REPORT
        write_text(files["report"], evaluation_report(_report_facts(folder, config, parts, fitted, judged, files)))
    files["card"] = folder / "README.md"
    write_text(files["card"], model_card(_card_facts(folder, config, parts, fitted, judged)))
    files["scores"] = folder / SCORES
    write_text(files["scores"], json.dumps(_scores(folder, parts, fitted, judged), indent=2) + "\n")
    (folder / _DATA).unlink()  # the scores hold it now
    if not config.training.keep_checkpoints:
        shutil.rmtree(folder / "checkpoints")
    return files


def check_judged(folder: Path, *, overwrite: bool = False) -> None:
    """Make the folder of an evaluation, and check that nothing there would be lost.

    Args:
        folder: The folder.
        overwrite: Whether an earlier evaluation there may be replaced.

    Raises:
        OutputError: If the folder is that of a run, whose scores would be lost, holds files of these names, or cannot
            be made or written.
    """
    if (folder / _RUN).exists():
        raise OutputError(f"{folder} holds a run and its scores; choose another folder (--output, output=)")
    taken = [name for name in (SCORES, _REPORT, _PREDICTIONS) if (folder / name).exists()]
    if taken and not overwrite:
        raise OutputError(
            f"{folder} holds {', '.join(taken)}; choose another folder (--output, output=), or replace them "
            "(--overwrite, overwrite=True)"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"cannot write into the folder {folder}: {error.strerror}; choose another one") from error


def write_judged(judged: Judged, folder: Path, model: Path | None, as_read: Corpus | None = None) -> dict[str, Path]:
    """Write the report, figures, scores and predictions of an evaluation into a folder.

    Args:
        judged: The evaluation.
        folder: Where to.
        model: The model's folder, which the report takes settings and training curves from; ``None`` where it has none.
        as_read: The corpus before it was cleaned, for the audit.

    Returns:
        What was written, by purpose.
    """
    files = _draw_and_list(judged, folder, folder / _PREDICTIONS)
    files["report"] = folder / _REPORT
    facts = _facts_of(judged, "Evaluation" if model is None else model.resolve().name, files)
    facts = replace(facts, audit=audit_html(audit({"evaluated": judged.gold if as_read is None else as_read})))
    write_text(files["report"], evaluation_report(facts if model is None else _with_run(facts, model)))
    files["scores"] = folder / SCORES
    write_text(files["scores"], json.dumps(judged.to_dict(), indent=2) + "\n")
    return files


def _draw_and_list(judged: Judged, figures: Path, predictions: Path) -> dict[str, Path]:
    files = draw_evaluation(judged.evaluation, figures, judged.analysis)
    write_text(predictions, prediction_lines(judged))
    return files | {"predictions": predictions}


def prediction_lines(judged: Judged) -> str:
    """Gold and predicted tags of every sentence as JSONL."""
    rows = (
        {
            "tokens": gold.words,
            **feature_columns(gold),
            "ner_tags": gold.labels,
            "predicted_tags": prediction.labels,
            "scores": [round(span.score or 0.0, 6) for span in prediction.spans],
            "document": gold.document,
            "line": gold.line,
        }
        for gold, prediction in zip(judged.gold, judged.predictions, strict=True)
    )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _scores(folder: Path, parts: Parts, fitted: FitResult, judged: Mapping[str, Judged]) -> dict[str, Any]:
    import torch
    import transformers

    from nomina import __version__

    return {
        **{name: result.to_dict() for name, result in judged.items()},
        "data": json.loads((folder / _DATA).read_text(encoding="utf-8")),
        "training": {
            **_training_facts(fitted),
            "predict_s": {name: round(result.predict_s, 2) for name, result in judged.items()},
        },
        "notes": [{"kind": note.kind, "message": note.message, "count": note.count} for note in parts.notes],
        "versions": {
            "nomina": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _training_facts(fitted: FitResult) -> dict[str, Any]:
    """Rounded here once: scores.json and the report say the same, where 0.01649 would be 0.0165, then 1.7% or 1.6%."""
    return {
        "best_step": fitted.best_step,
        "n_steps": fitted.n_steps,
        "learning_rate": fitted.learning_rate,
        "train_s": round(fitted.train_s, 2),
        "n_pieces": fitted.n_pieces,
        "padding": round(fitted.padding, 4),
    }


def _facts_of(judged: Judged, title: str, files: Mapping[str, Path]) -> ReportFacts:
    """What an evaluation alone knows."""
    gold, evaluation = judged.gold, judged.evaluation
    speed = evaluation.n_words / judged.predict_s if judged.predict_s else 0.0
    return ReportFacts(
        title=title,
        subtitle=f"{gold.source}: {evaluation.n_sentences:,} sentences, {evaluation.n_words:,} words",
        evaluation=evaluation,
        analysis=judged.analysis,
        errors=list(judged.errors()),
        figures=files,
        by_tags={REGIMES[regime]: scores for regime, scores in judged.by_tags.items()},
        rival=judged.rival,
        costs={"predicting": f"{judged.predict_s:.1f} s, {speed:,.0f} words a second"},
        data={"evaluated": f"{gold.source}, {evaluation.n_sentences:,} sentences, {evaluation.n_words:,} words"},
    )


def _with_run(facts: ReportFacts, model: Path) -> ReportFacts:
    """What the model's folder knows besides."""
    training = model / "figures" / "training.png"
    figures = {"training": training} if training.with_suffix(".svg").is_file() else {}
    settings = (model / _RUN).read_text(encoding="utf-8") if (model / _RUN).is_file() else ""
    has_temperature = facts.analysis.confidence.temperature != 1
    origin = "The temperature is that of the model folder, fitted on its dev part." if has_temperature else ""
    return replace(facts, settings=settings, figures={**facts.figures, **figures}, calibration=origin)


def _report_facts(
    folder: Path,
    config: RunConfig,
    parts: Parts,
    fitted: FitResult,
    judged: Mapping[str, Judged],
    files: Mapping[str, Path],
) -> ReportFacts:
    """What a run knows besides."""
    part, last = list(judged.items())[-1]
    facts = _facts_of(last, folder.resolve().name, files)
    sizes = {name: f"{len(p):,} sentences, {p.n_words:,} words, {p.source}" for name, p in parts.items()}
    notes = {"said while reading": "; ".join(note.message for note in parts.notes)} if parts.notes else {}
    n_parameters = sum(parameter.numel() for parameter in fitted.predictor.model.parameters())
    said = _training_facts(fitted)
    costs = {
        "training": f"{said['train_s']:.0f} s, {fitted.n_steps:,} steps, best after step {fitted.best_step:,}",
        "word pieces": f"{fitted.n_pieces:,}, {said['padding']:.1%} of them padding",
        "parameters": f"{n_parameters:,}",
        "encoder": config.model.encoder,
        "learning rate": f"{fitted.learning_rate:.3g}",
    }
    return replace(
        facts,
        subtitle=f"{facts.subtitle} ({part} part)",
        settings=config.to_toml(),
        costs=costs | dict(facts.costs),
        data=sizes | notes,
        audit=audit_html(audit(parts.as_read, scheme=config.data.scheme)),
        calibration=_calibration(judged),
    )


def _calibration(judged: Mapping[str, Judged]) -> str:
    """How the temperature of a run came about."""
    fitted = judged["dev"].temperature if "dev" in judged else None
    if fitted is None:
        return "There is no dev part to fit a temperature on: it stays 1."
    if fitted.reason is not None:
        return f"The temperature is {fitted.value:.4g}: {fitted.reason}."
    return f"The temperature was fitted on the {fitted.n_spans:,} spans predicted on the dev part."


def _card_facts(
    folder: Path, config: RunConfig, parts: Parts, fitted: FitResult, judged: Mapping[str, Judged]
) -> CardFacts:
    from nomina import __version__

    encoder = config.model.encoder
    is_hub_id = not Path(encoder).exists() and encoder != BUNDLED
    predictor = fitted.predictor
    return CardFacts(
        name=folder.resolve().name,
        encoder=encoder,
        base_model=encoder if is_hub_id else None,
        labels=predictor.labels.values,
        scheme=predictor.scheme,
        features={name: len(vocabulary) - 1 for name, vocabulary in predictor.features.items()},
        pos_source=predictor.pos_source,
        by_tags={
            name: {REGIMES[regime]: evaluation for regime, evaluation in result.by_tags.items()}
            for name, result in judged.items()
        },
        source=parts.train.source,
        sizes={name: PartSize(len(part), part.n_words) for name, part in parts.items()},
        evaluations={name: result.evaluation for name, result in judged.items()},
        analyses={name: result.analysis for name, result in judged.items()},
        settings=config.to_toml(),
        version=__version__,
    )
