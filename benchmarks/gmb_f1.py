"""F1 on GMB: nomina with and without POS beside the two yardsticks, several seeds, same split, epochs and batch.

    python benchmarks/gmb_f1.py --shared ../shared --work DIR

Needs the corpora and yardsticks in ``--shared`` and, for the yardsticks, ``pip install 'nomina[benchmarks]'``. Runs
that are in the result file already are not run again: it can be stopped at any time and started once more.

Conditions: the split of ``yardsticks/prepare_gmb.py`` (repeated sentences dropped), the first 8,000 training and the
first 2,000 test sentences, encoder ``minilm``, 2 epochs, batch 32. The yardsticks run with their own defaults (learning
rate 1e-4); nomina with its own, choosing the better of its two epochs on the split's dev part. F1 is seqeval's default.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from common import arguments, conditions, gmb_split, load_json, save_json, yardstick_result
from nomina.encoding.encoders import resolve_encoder

RESULTS = Path(__file__).with_name("gmb_f1.json")
SYSTEMS = ("hf_token_classification", "nomina --features none", "padded_notebook", "nomina")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[13, 14, 15])
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    split = gmb_split(args.shared, args.work)
    runs: list[dict[str, Any]] = load_json(args.results, {"runs": []})["runs"]
    for system in SYSTEMS:
        for seed in args.seeds:
            if not any((run["system"], run["seed"]) == (system, seed) for run in runs):
                print(f"{system}, seed {seed} …", flush=True)
                runs.append(run_one(system, seed, split, args.shared, args.work))
                save(args.results, runs)
    print(table(runs))


def run_one(system: str, seed: int, split: Path, shared: Path, work: Path) -> dict[str, Any]:
    """Train and score one system once, in a process of its own."""
    if system.startswith("nomina"):
        output = work / f"{system.replace(' ', '')}-{seed}"
        parts = [split / "train.jsonl", "--dev", split / "dev.jsonl", "--test", split / "test.jsonl"]
        size = ["--limit-train", "8000", "--limit-test", "2000", "--epochs", "2", "--batch-size", "32"]
        command: list[Any] = [
            sys.executable,
            "-m",
            "nomina",
            "train",
            *parts,
            "--encoder",
            "minilm",
            *size,
            "--seed",
            str(seed),
        ]
        command += [*system.split()[1:], "--output", output, "--overwrite", "--json"]
        result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        f1 = result["test"]["default"]["micro"]["f1"]
    else:
        script = shared / "yardsticks" / f"{system}.py"
        command = [sys.executable, script, split, "--encoder", resolve_encoder("minilm").location, "--seed", str(seed)]
        result = yardstick_result(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        f1 = result["f1"]
    return {"system": system, "seed": seed, "f1": round(f1, 4)}


def save(path: Path, runs: list[dict[str, Any]]) -> None:
    """Write all runs with their conditions and means."""
    content = {
        "command": "python benchmarks/gmb_f1.py --shared ../shared --work DIR",
        "conditions": conditions(),
        "mean_f1": {system: mean(runs, system) for system in SYSTEMS},
        "runs": runs,
    }
    save_json(path, content)


def mean(runs: list[dict[str, Any]], system: str) -> float | None:
    """Mean F1 of a system over its seeds."""
    f1s = [run["f1"] for run in runs if run["system"] == system]
    return round(statistics.mean(f1s), 4) if f1s else None


def table(runs: list[dict[str, Any]]) -> str:
    """Mean, deviation and single F1s as a Markdown table."""
    lines = ["| system | F1, mean of seeds | deviation | each |", "|---|---|---|---|"]
    for system in SYSTEMS:
        f1s = [run["f1"] for run in runs if run["system"] == system]
        if f1s:
            deviation = statistics.stdev(f1s) if len(f1s) > 1 else 0.0
            each = ", ".join(f"{f1:.4f}" for f1 in f1s)
            lines.append(f"| {system} | {statistics.mean(f1s):.4f} | {deviation:.4f} | {each} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
