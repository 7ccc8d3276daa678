"""Rates and schedules: dev F1 of short trainings on three corpora, from which the defaults were chosen.

    python benchmarks/rates.py --shared ../shared --work DIR

Test parts are not touched. GMB: 4,000 training and 1,000 dev sentences of ``yardsticks/prepare_gmb.py``, one
epoch; UD-EWT its dev file split 80 to 20, three epochs; W-NUT 17 its training and dev files, two epochs. Encoder
``minilm``, all other settings nomina's own. Runs that are in the result file already are not run again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import arguments, gmb_split, load_json, save_json
from nomina.data.cleaning import clean
from nomina.data.corpus import Corpus
from nomina.data.formats import read
from nomina.training.config import RunConfig
from nomina.training.fit import fit

RESULTS = Path(__file__).with_suffix(".json")
HEAD_RATES = (1e-3, 3e-3, 5e-3, 1e-2)
CANDIDATES: list[dict[str, Any]] = [
    *({"head_learning_rate": rate} for rate in HEAD_RATES),
    {"head_learning_rate": 1e-3, "learning_rate": 5e-4},
    {"head_learning_rate": 3e-3, "learning_rate": 5e-4},
    {"head_learning_rate": 3e-3, "learning_rate": 2e-4},
    {"head_learning_rate": 1e-2, "learning_rate": 2e-4},
    {"head_learning_rate": 3e-3, "schedule": "cosine"},
    {"head_learning_rate": 3e-3, "warmup": 0.2},
]
Parts = tuple[Corpus, Corpus, int]


def gmb(shared: Path, work: Path) -> Parts:
    split = gmb_split(shared, work)
    return clean(read(split / "train.jsonl")[:4000]).corpus, clean(read(split / "dev.jsonl")[:1000]).corpus, 1


def ewt(shared: Path, work: Path) -> Parts:
    split = clean(read(shared / "data" / "uner-en-ewt" / "dev.conllu")).corpus.split((80, 20, 0), seed=1)
    return split.train, split.dev, 3


def wnut(shared: Path, work: Path) -> Parts:
    folder = shared / "data" / "wnut17"
    train, dev = (clean(read(folder / name)).corpus for name in ("wnut17train.conll", "emerging.dev.conll"))
    return train, dev, 2


CORPORA: dict[str, Callable[[Path, Path], Parts]] = {"gmb": gmb, "ewt": ewt, "wnut": wnut}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    runs: list[dict[str, Any]] = load_json(RESULTS, [])
    for seed in args.seeds:
        for name, load in CORPORA.items():
            train, dev, epochs = load(args.shared, args.work)
            for settings in CANDIDATES:
                key = {"corpus": name, "seed": seed, "settings": settings}
                if any(key.items() <= run.items() for run in runs):
                    continue
                config = RunConfig.build(encoder="minilm", epochs=epochs, seed=seed, **settings)
                with tempfile.TemporaryDirectory() as folder:
                    result = fit(train, dev, config, Path(folder))
                runs.append(key | {"dev_f1": [round(row["dev_f1"], 4) for row in result.history if "dev_f1" in row]})
                print(runs[-1], flush=True)
                save_json(RESULTS, runs)


if __name__ == "__main__":
    main()
