"""``nomina train`` with a clock: prints one JSON line more. Used by ``training.py``.

``loop_s`` is the time in the training loop with evaluation and checkpoints, ``dev_f1`` pairs of seconds since its
start and dev F1, ``evaluation_s`` what evaluation took of it, ``first_step_s`` the time from the start of the process
to the first training step.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

START = time.perf_counter()

from transformers import TrainerCallback  # noqa: E402 - imports are on the clock

from nomina.cli import main  # noqa: E402
from nomina.training import fit  # noqa: E402
from nomina.training.trainer import TaggerTrainer  # noqa: E402

timed: dict[str, Any] = {"loop_s": 0.0, "dev_f1": [], "evaluation_s": 0.0}
loop_start = 0.0


class FirstStep(TrainerCallback):
    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        timed.setdefault("first_step_s", round(time.perf_counter() - START, 2))


class TimedTrainer(TaggerTrainer):
    def train(self, *args: Any, **options: Any) -> Any:
        global loop_start
        self.add_callback(FirstStep())
        loop_start = time.perf_counter()
        result = super().train(*args, **options)
        timed["loop_s"] = round(time.perf_counter() - loop_start, 2)
        return result

    def evaluate(self, *args: Any, **options: Any) -> dict[str, float]:
        start = time.perf_counter()
        metrics = super().evaluate(*args, **options)
        timed["evaluation_s"] = round(timed["evaluation_s"] + time.perf_counter() - start, 2)
        timed["dev_f1"].append([round(time.perf_counter() - loop_start, 2), round(metrics["eval_f1"], 4)])
        return metrics


if __name__ == "__main__":
    setattr(fit, "TaggerTrainer", TimedTrainer)  # noqa: B010 - what fit imported, as mypy sees it, is not ours to set
    sys.argv[1:1] = ["train"]
    try:
        main()
    finally:
        print(json.dumps(timed))
