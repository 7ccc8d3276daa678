"""Time and memory of ``nomina check`` on GMB's full zip, 1,048,575 words, and what it finds.

    python benchmarks/audit.py --shared ../shared

Writes ``audit.json``: medians over ``--rounds`` processes, each from a cold start, of the whole command as it is typed
(reading, word pieces of ``minilm``, audit, JSON and HTML files); the CPU time of a command (mean) and of the steps,
which other programs on the machine change less than the wall time; and the findings by kind.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import arguments, save_json

RESULTS = Path(__file__).with_name("audit.json")


def main() -> None:
    parser = arguments(__doc__, has_work=False)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--once", action="store_true", help="the steps in this process, for the script itself")
    args = parser.parse_args()
    corpus = args.shared / "data" / "gmb" / "ner_dataset.csv.zip"
    if args.once:
        print(json.dumps(steps(corpus)))
        return
    load = os.getloadavg()[0]
    commands = [command(corpus) for _ in range(args.rounds)]
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = [json.loads(again(args.shared)) for _ in range(args.rounds)]
    content = {
        "command": "python benchmarks/audit.py --shared ../shared",
        "conditions": {
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "rounds": args.rounds,
            "load_before": round(load, 1),
            "others": "other programs ran beside it" if load > 0.5 else "nothing else ran",
        },
        "medians": {
            "command_s": round(statistics.median(seconds for seconds, _ in commands), 2),
            "command_cpu_s": round((cpu.ru_utime + cpu.ru_stime) / args.rounds, 2),
            **{name: round(statistics.median(row[name] for row in rows), 2) for name in rows[0]},
        },
        "findings": commands[0][1],
    }
    save_json(args.results, content)
    print(json.dumps(content, indent=2))


def command(corpus: Path) -> tuple[float, dict[str, int]]:
    """The command as it is typed; its seconds, and the count of each finding."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["check", str(corpus), "--encoder", "minilm", "--output", folder, "--json", "--quiet"]
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "nomina", *arguments], check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - start
    findings: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return seconds, {f"{found['severity']}: {found['kind']}": found["count"] for found in findings}


def again(shared: Path) -> str:
    """The steps in a process of their own; returns what it prints."""
    line = [sys.executable, __file__, "--once", "--shared", str(shared)]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


def steps(path: Path) -> dict[str, float]:
    """CPU seconds of each step (tokenizers use several threads), and peak megabytes of the whole process (Linux)."""
    from nomina.data.audit import audit, fix
    from nomina.data.formats import read
    from nomina.encoding.audit import count_pieces
    from nomina.encoding.encoders import resolve_encoder

    marks = [time.process_time()]
    parts = {"train": read(path)}
    marks.append(time.process_time())
    pieces = count_pieces(parts, resolve_encoder("minilm"))
    marks.append(time.process_time())
    audit(parts, pieces=pieces)
    marks.append(time.process_time())
    fix(parts)
    marks.append(time.process_time())
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    names = ("read_cpu_s", "pieces_cpu_s", "audit_cpu_s", "fix_cpu_s")
    seconds = dict(zip(names, (b - a for a, b in itertools.pairwise(marks)), strict=True))
    return {"words": parts["train"].n_words, **seconds, "peak_mb": peak / 1024}


if __name__ == "__main__":
    main()
