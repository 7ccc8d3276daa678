"""F1 on GMB: nomina with and without POS beside the two yardsticks, several seeds, same split, epochs and batch.

    python benchmarks/gmb_f1.py --shared ../shared --work DIR

Needs the corpora and yardsticks in ``--shared`` and, for the yardsticks, ``pip install 'nomina[benchmarks]'``. Runs
that are in the result file already are not run again: it can be stopped at any time and started once more.

Conditions: the split of ``yardsticks/prepare_gmb.py`` (repeated sentences dropped), the first 8,000 training and the
first 2,000 test sentences, encoder ``minilm``, 2 epochs, batch 32. The yardsticks run with their own defaults (learning
rate 1e-4); nomina with its own, choosing the better of its two epochs on the split's dev part. F1 is seqeval's default.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from nomina.encoding.encoders import resolve_encoder

RESULTS = Path(__file__).with_name("gmb_f1.json")
SYSTEMS = ("hf_token_classification", "nomina --features none", "padded_notebook", "nomina")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[13, 14, 15])
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    split = args.work / "split"
    if not (split / "test.jsonl").exists():
        subprocess.run([sys.executable, args.shared / "yardsticks" / "prepare_gmb.py", split], check=True)
    runs = load(args.results)
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
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        result = json.loads(next(line for line in reversed(lines) if line.startswith('{"yardstick"')))
        f1 = result["f1"]
    return {"system": system, "seed": seed, "f1": round(f1, 4)}


def load(path: Path) -> list[dict[str, Any]]:
    """Runs of an earlier start."""
    if not path.exists():
        return []
    runs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["runs"]
    return runs


def save(path: Path, runs: list[dict[str, Any]]) -> None:
    """Write all runs with their conditions and means, complete or not at all."""
    import torch
    import transformers

    content = {
        "command": "python benchmarks/gmb_f1.py --shared ../shared --work DIR",
        "conditions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "threads": torch.get_num_threads(),
        },
        "mean_f1": {system: mean(runs, system) for system in SYSTEMS},
        "runs": runs,
    }
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


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
