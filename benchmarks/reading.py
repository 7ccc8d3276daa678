"""Time and memory of reading GMB's full zip, speed of encoding it, and padding of training batches.

    python benchmarks/reading.py --shared ../shared

Writes ``reading.json``: medians over ``--rounds`` processes, each from a cold start; encoding with the tokenizer of
``minilm``, tokenization included. Peak memory is that of the process that reads (Linux).
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import arguments, save_json

RESULTS = Path(__file__).with_name("reading.json")
BATCH_SIZE = 32


def main() -> None:
    parser = arguments(__doc__, has_work=False)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--once", choices=["read", "encode"], help="one measurement in this process, for the script itself"
    )
    args = parser.parse_args()
    corpus = args.shared / "data" / "gmb" / "ner_dataset.csv.zip"
    if args.once:
        print(json.dumps({"read": read, "encode": encode}[args.once](corpus)))
        return
    figures: dict[str, float] = {}
    for kind in ("read", "encode"):
        rows = [json.loads(again(kind, args.shared)) for _ in range(args.rounds)]
        figures |= {name: round(statistics.median(row[name] for row in rows), 4) for name in rows[0]}
    content = {
        "command": "python benchmarks/reading.py --shared ../shared",
        "conditions": {"python": platform.python_version(), "rounds": args.rounds, "batch_size": BATCH_SIZE},
        "medians": figures,
    }
    save_json(args.results, content)
    print(json.dumps(content, indent=2))


def again(kind: str, shared: Path) -> str:
    """One measurement in a process of its own; returns what it prints."""
    command = [sys.executable, __file__, "--once", kind, "--shared", str(shared)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read(path: Path) -> dict[str, float]:
    """Read the corpus; seconds and peak megabytes of the whole process."""
    from nomina.data.formats import read

    start = time.perf_counter()
    corpus = read(path)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return {"words": corpus.n_words, "sentences": len(corpus), "read_s": seconds, "peak_mb": peak / 1024}


def encode(path: Path) -> dict[str, float]:
    """Encode the corpus; words per second from cold, and the share of padding in an epoch's batches."""
    from nomina.data.formats import read
    from nomina.encoding.batches import LengthBatches
    from nomina.encoding.encoders import resolve_encoder
    from nomina.encoding.tokenizers import load_tokenizer, word_pieces_of
    from nomina.encoding.windows import encode

    corpus = read(path)
    word_pieces = word_pieces_of(load_tokenizer(resolve_encoder("minilm").location))
    start = time.perf_counter()
    windows = encode(corpus.sentences, word_pieces, max_pieces=512)
    seconds = time.perf_counter() - start
    lengths = windows.lengths
    batches = LengthBatches(lengths, BATCH_SIZE, seed=13)
    n_computed = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    return {"encode_words_per_s": windows.n_words / seconds, "padding_share": 1 - int(lengths.sum()) / n_computed}


if __name__ == "__main__":
    main()
