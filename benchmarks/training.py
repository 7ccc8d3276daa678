"""Speed of training, beside the two yardsticks: word pieces per second, memory, F1, and the time to a given F1.

    python benchmarks/training.py --shared ../shared --work DIR [--quick]

Every run is a process of its own; systems alternate within a round, and each round has its own seed. What is in the
result file already is not run again: it can be stopped at any time and started once more. ``--quick`` (about 5 minutes)
does one round on 1,600 sentences and prints a table only.

Conditions: the split of ``yardsticks/prepare_gmb.py``, the first 8,000 training sentences, encoder ``minilm``, one
epoch, batch 32, F1 (seqeval's default) on the first 1,000 sentences of the *dev* part. The yardsticks have their own
defaults (fp32, learning rate 1e-4) and neither evaluate nor save while their clock runs; nomina has its own defaults,
with POS, and its seconds include evaluation and checkpoints. Pieces per second are those of training alone: nomina's
evaluation, which the yardsticks do not have, is left out of them, checkpoints are not.

*Time to F1* is the time on nomina's clock when it first reaches, evaluated on dev, the F1 that the yardstick of the
same round has at its end: in the shortest of the runs, planned for a third, half and all of the epochs, that reaches
it. Real pieces are those of the sentences with their special pieces; computed ones include padding (for the first
yardstick, the mean of random batches). On a CPU that multiplies bf16 in hardware, one more run in fp32 is in the first
round.

The part ``base`` compares 30 steps on an encoder of BERT-base's size with random weights, ``linear`` the seconds per
sentence and the memory of one epoch on files of several sizes, ``start`` takes the time from GMB's zip (read, cleaned,
split, encoded) to the first step, imports included.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common import arguments, conditions, gmb_split, load_json, save_json, yardstick_result

RESULTS = Path(__file__).with_suffix(".json")
HF, PADDED = "hf_token_classification", "padded_notebook"
OURS, OURS_FP32 = "nomina", "nomina, fp32"
SHORT = {"nomina, a third of the epochs": 1 / 3, "nomina, half the epochs": 1 / 2}
SYSTEMS = (HF, OURS, *SHORT, OURS_FP32, PADDED)
FP32 = (OURS_FP32,) if conditions()["fast_bf16"] else ()  # else the run above is in fp32
SIZES = (4000, 16000, 38000)
Run = dict[str, Any]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    bench = Bench(args.work, args.shared, results=None if args.quick else args.results, systems=args.systems)
    if args.quick:
        bench.alternate("gmb", (HF, OURS, *SHORT, *FP32, PADDED), rounds=1, train=1600, epochs=1)
        print(gmb_table(bench))
        return
    for part in args.parts:
        PARTS[part](bench, args.rounds)
    for table in (gmb_table, base_table, linear_table, start_line):
        print(table(bench), end="\n\n")


class Bench:
    """Runs systems and keeps what they measured.

    Args:
        work: Folder for splits, encoders and models.
        shared: Folder of corpora and yardsticks.
        results: File of earlier and new runs; none is read or written where ``None``.
        systems: Which ones to run.
    """

    def __init__(self, work: Path, shared: Path, *, results: Path | None, systems: Sequence[str]) -> None:
        self.systems = systems
        self.work = work
        self.shared = shared
        self.results = results
        self.runs: list[Run] = load_json(results, {"runs": []})["runs"] if results is not None else []
        self.split = work / "split-dev"
        if not (self.split / "test.jsonl").exists():
            whole = gmb_split(shared, work)
            self.split.mkdir(exist_ok=True)
            shutil.copy(whole / "train.jsonl", self.split / "train.jsonl")
            lines = (whole / "dev.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:1000]
            # The yardsticks score what they find under this name.
            (self.split / "test.jsonl").write_text("".join(lines), encoding="utf-8")

    def alternate(
        self, part: str, systems: Sequence[str], *, rounds: int, train: int, epochs: int, encoder: str = "minilm"
    ) -> None:
        """Run each system once per round."""
        for seed in range(13, 13 + rounds):
            for system in (s for s in systems if s in self.systems):
                self.once(part, system, seed, train=train, epochs=epochs, encoder=encoder)

    def once(self, part: str, system: str, seed: int, *, train: int, epochs: float, encoder: str = "minilm") -> None:
        """Run a system unless it has been run before."""
        key = {"part": part, "system": system, "seed": seed, "sentences": train}
        if any(key.items() <= run.items() for run in self.runs):
            return
        print(f"{part}: {system}, {train} sentences, seed {seed} …", file=sys.stderr, flush=True)
        measure = self.yardstick if system in (HF, PADDED) else self.nomina
        self.runs.append(key | measure(part, system, seed, train, epochs, encoder))
        if self.results is not None:
            self._save(self.results)

    def yardstick(self, part: str, system: str, seed: int, train: int, epochs: float, encoder: str) -> Run:
        """Train one of the yardsticks and score it on dev."""
        n_test = "1000" if part == "gmb" else "32"
        command = [sys.executable, self.shared / "yardsticks" / f"{system}.py", self.split]
        command += ["--encoder", location(encoder), "--seed", seed, "--train", train, "--epochs", epochs]
        output, peak_mb, _ = run([*command, "--test", n_test])
        result = yardstick_result(output)
        n_pieces, padded = self.pieces(system, train)
        return {
            "train_s": result["train_s"],
            "pieces_per_s": round(n_pieces * epochs / result["train_s"]),
            "computed_per_real": round(padded, 4),
            "peak_mb": peak_mb,
            "dev_f1": [[result["train_s"], result["f1"]]],
        }

    def nomina(self, part: str, system: str, seed: int, train: int, epochs: float, encoder: str) -> Run:
        """Train nomina; dev F1 with the time at which it was known."""
        output = self.work / "model"
        command = [sys.executable, Path(__file__).with_name("timed_train.py"), *self.source(part, train)]
        command += ["--encoder", encoder, "--seed", seed, "--batch-size", "32", "--output", output, "--overwrite"]
        n_epochs = epochs * SHORT.get(system, 1)
        command += ["--quiet", "--epochs", n_epochs, *(["--precision", "fp32"] if system == OURS_FP32 else [])]
        text, peak_mb, wall_s = run(command)
        scores = json.loads((output / "scores.json").read_text(encoding="utf-8"))["training"]
        timed = json.loads(next(line for line in reversed(text.splitlines()) if line.startswith('{"loop_s"')))
        return {
            "train_s": timed["loop_s"],
            "pieces_per_s": round(scores["n_pieces"] * n_epochs / (timed["loop_s"] - timed["evaluation_s"])),
            "computed_per_real": round(1 / (1 - scores["padding"]), 4),
            "peak_mb": peak_mb,
            "dev_f1": timed["dev_f1"],
            "evaluation_s": timed["evaluation_s"],
            "first_step_s": timed["first_step_s"],
            "wall_s": round(wall_s, 1),
        }

    def source(self, part: str, train: int) -> list[Any]:
        """Files and how to split them. Each size has a file of its own: memory counts what is read, too."""
        if part == "start":
            return [self.shared / "data" / "gmb" / "ner_dataset.csv.zip", "--limit-test", "32"]
        dev = self.split / "test.jsonl"
        if part == "gmb":
            parts = ["--dev", dev, "--test", dev, "--limit-test", "32"]
            return [self.split / "train.jsonl", "--limit-train", train, *parts]
        file = self.work / f"train-{train}.jsonl"
        if not file.exists():
            lines = (self.split / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
            file.write_text("".join(lines[:train]), encoding="utf-8")
        return [file, "--split", "100,0,0"]

    def pieces(self, system: str, train: int) -> tuple[int, float]:
        """Real pieces of the training part, and computed per real ones as the yardstick pads them."""
        from nomina.data.formats import read
        from nomina.encoding.encoders import resolve_encoder
        from nomina.encoding.tokenizers import load_tokenizer, word_pieces_of
        from nomina.encoding.windows import encode

        word_pieces = word_pieces_of(load_tokenizer(resolve_encoder("minilm").location))
        lengths = encode(read(self.split / "train.jsonl").sentences[:train], word_pieces, max_pieces=512).lengths
        if system == PADDED:
            return int(lengths.sum()), 128 * len(lengths) / int(lengths.sum())
        order = lengths[np.random.default_rng(0).permutation(len(lengths))]
        computed = sum(int(batch.max()) * len(batch) for batch in np.split(order, range(32, len(order), 32)))
        return int(lengths.sum()), computed / int(lengths.sum())

    def of(self, part: str, system: str, name: str) -> list[Any]:
        """A measurement of every run of a system, by seed."""
        runs = [run for run in self.runs if (run["part"], run["system"]) == (part, system)]
        return [run[name] for run in sorted(runs, key=lambda run: run["seed"])]

    def _save(self, path: Path) -> None:
        command = "python benchmarks/training.py --shared ../shared --work DIR"
        save_json(path, {"command": command, "conditions": conditions(), "runs": self.runs})


def run(command: Sequence[Any]) -> tuple[str, int, float]:
    """Standard output, peak resident memory in MB and wall time of a process."""
    start = time.perf_counter()
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output, usage.ru_maxrss // 1024, time.perf_counter() - start


def location(encoder: str) -> str:
    from nomina.encoding.encoders import resolve_encoder

    return resolve_encoder(encoder).location


def base_encoder(work: Path) -> Path:
    """A folder with an encoder of BERT-base's size, random weights and minilm's tokenizer."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = work / "bert-base-random"
    if not (folder / "config.json").exists():
        BertModel(BertConfig()).save_pretrained(folder)
        AutoTokenizer.from_pretrained(location("minilm")).save_pretrained(folder)
    return folder


def gmb(bench: Bench, rounds: int) -> None:
    bench.alternate("gmb", (HF, OURS, *SHORT, PADDED), rounds=rounds, train=8000, epochs=1)
    bench.alternate("gmb", FP32, rounds=1, train=8000, epochs=1)


def base(bench: Bench, rounds: int) -> None:
    folder = str(base_encoder(bench.work))
    bench.alternate("base", (HF, OURS), rounds=rounds, train=960, epochs=1, encoder=folder)
    bench.alternate("base", FP32, rounds=1, train=960, epochs=1, encoder=folder)


def linear(bench: Bench, rounds: int) -> None:
    for seed in range(13, 13 + rounds):
        for size in SIZES:
            bench.once("linear", OURS, seed, train=size, epochs=1)


def start(bench: Bench, rounds: int) -> None:
    for seed in range(13, 13 + rounds):
        bench.once("start", OURS, seed, train=0, epochs=0.01)


PARTS = {"gmb": gmb, "base": base, "linear": linear, "start": start}


def time_to(f1: float, evaluations: Sequence[Sequence[float]]) -> float | None:
    """Seconds at which dev F1 first reached a given one."""
    return next((seconds for seconds, reached in evaluations if reached >= f1), None)


def times_to_f1(bench: Bench, yardstick: str) -> list[float]:
    """How many times faster each round reached the yardstick's final dev F1, in the shortest run that did."""
    ratios = []
    for theirs in (run for run in bench.runs if (run["part"], run["system"]) == ("gmb", yardstick)):
        seconds, f1 = theirs["dev_f1"][-1]
        ours = [run for run in bench.runs if run["seed"] == theirs["seed"] and run["system"] in (OURS, *SHORT)]
        times = [time_to(f1, run["dev_f1"]) for run in ours if run["part"] == "gmb"]
        ratios.append(seconds / min((t for t in times if t), default=float("inf")))
    return ratios


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")


def ratio(bench: Bench, part: str, system: str, yardstick: str) -> float:
    """Median over rounds of real pieces per second, ours to theirs."""
    pairs = zip(*(bench.of(part, s, "pieces_per_s") for s in (system, yardstick)), strict=False)
    return median([ours / theirs for ours, theirs in pairs])


def gmb_table(bench: Bench) -> str:
    lines = [
        f"| system | seconds | real pieces/s | to {HF} | to {PADDED} | computed/real | peak MB "
        "| dev F1, median | each |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for system in (s for s in SYSTEMS if bench.of("gmb", s, "train_s")):
        f1s = [evaluations[-1][1] for evaluations in bench.of("gmb", system, "dev_f1")]
        columns = [median(bench.of("gmb", system, name)) for name in ("train_s", "pieces_per_s")]
        ratios = [ratio(bench, "gmb", system, yardstick) for yardstick in (HF, PADDED)]
        lines.append(
            f"| {system} | {columns[0]:.1f} | {columns[1]:,.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} "
            f"| {median(bench.of('gmb', system, 'computed_per_real')):.3f} "
            f"| {median(bench.of('gmb', system, 'peak_mb')):,.0f} | {median(f1s):.4f} "
            f"| {', '.join(f'{f1:.4f}' for f1 in f1s)} |"
        )
    for yardstick in (HF, PADDED):
        times = times_to_f1(bench, yardstick)
        each = ", ".join(f"{t:.1f}" for t in times)
        lines += ["", f"Time to the dev F1 of {yardstick}: {median(times):.1f} times shorter (each round: {each})"]
    return "\n".join(lines)


def base_table(bench: Bench) -> str:
    lines = [f"| BERT-base's size, 30 steps | seconds | real pieces/s | to {HF} |", "|---|---|---|---|"]
    for system in (HF, OURS, *FP32):
        seconds, speed = (median(bench.of("base", system, name)) for name in ("train_s", "pieces_per_s"))
        lines.append(f"| {system} | {seconds:.1f} | {speed:,.0f} | {ratio(bench, 'base', system, HF):.2f} |")
    return "\n".join(lines)


def linear_table(bench: Bench) -> str:
    lines = ["| sentences | seconds per 1,000 | each | peak MB |", "|---|---|---|---|"]
    for size in SIZES:
        runs = [run for run in bench.runs if run["part"] == "linear" and run["sentences"] == size]
        rates = [1000 * run["train_s"] / size for run in runs]
        each = ", ".join(f"{rate:.2f}" for rate in rates)
        lines.append(f"| {size:,} | {median(rates):.2f} | {each} | {median([r['peak_mb'] for r in runs]):,.0f} |")
    return "\n".join(lines)


def start_line(bench: Bench) -> str:
    each = bench.of("start", OURS, "first_step_s")
    return f"From GMB's zip to the first step: {median(each):.1f} s (each: {', '.join(f'{s:.1f}' for s in each)})"


if __name__ == "__main__":
    main()
