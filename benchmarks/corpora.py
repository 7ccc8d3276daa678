"""Train and score on three real corpora as they come, each with one ``nomina train`` line.

    python benchmarks/corpora.py --shared ../shared --work DIR

Writes ``corpora.json``: the commands, scores (seqeval's default and strict F1 on the test part) and seconds. Runs that
are in it already are not run again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import arguments, load_json, save_json

RESULTS = Path(__file__).with_name("corpora.json")

# Arguments of `nomina train` by corpus; files are those of ../shared/data.
CORPORA: dict[str, str] = {
    "GMB, full zip, 2,000 training sentences, 1 epoch": "gmb/ner_dataset.csv.zip --limit-train 2000 --epochs 1",
    "W-NUT 17": "wnut17/wnut17train.conll --dev wnut17/emerging.dev.conll --test wnut17/emerging.test.annotated",
    "UD-EWT with NER": "uner-en-ewt/dev.conllu --test uner-en-ewt/test.conllu --split 85,15,0",
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    results: dict[str, Any] = load_json(args.results, {})
    for number, (name, line) in enumerate(CORPORA.items()):
        if name not in results:
            print(f"{name} …", flush=True)
            results[name] = run(f"{line} --encoder minilm", args.shared / "data", args.work / str(number))
            save_json(args.results, results)
    for name, facts in results.items():
        print(f"{name}: F1 {facts['test_f1']:.4f} (strict {facts['test_f1_strict']:.4f}), {facts['wall_s']:.0f} s")


def run(line: str, data: Path, output: Path) -> dict[str, Any]:
    """Run one command where the data are, and collect what it says."""
    command = ["nomina", "train", *line.split()]
    extra = ["--output", str(output.resolve()), "--overwrite", "--json"]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", *command, *extra], cwd=data, check=True, stdout=subprocess.PIPE, text=True
    )
    facts = json.loads(done.stdout)
    return {
        "command": " ".join(command),
        "test_f1": round(facts["test"]["default"]["micro"]["f1"], 4),
        "test_f1_strict": round(facts["test"]["strict"]["micro"]["f1"], 4),
        "dev_f1": round(facts["dev"]["default"]["micro"]["f1"], 4),
        "test_sentences": facts["test"]["n_sentences"],
        "wall_s": round(time.perf_counter() - start, 1),
        "notes": facts["notes"],
    }


if __name__ == "__main__":
    main()
