"""What each means of making a training step faster gives: steps with and without it, alternating in one process.

    python benchmarks/steps.py --shared ../shared --work DIR

Conditions: GMB's training part, encoder ``minilm``, batches of 32 sentences on average, fused AdamW, gradient clipping;
12 batches a round, median of 5 rounds after one to warm up. Each line of the result adds one means to the line above,
the lines under ``others`` were tried and are not used. Real pieces count no padding. bf16 is tried on a CPU that
multiplies it in hardware.
"""

from __future__ import annotations

import atexit
import copy
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common import arguments, conditions, gmb_split, save_json
from nomina.data.cleaning import clean
from nomina.data.formats import read
from nomina.encoding.batches import Batch, LengthBatches, collate
from nomina.encoding.windows import Windows
from nomina.model import Tagger, cpu_kernels, used_rows
from nomina.training.config import RunConfig
from nomina.training.prepare import build
from nomina.training.trainer import parameter_groups

RESULTS = Path(__file__).with_suffix(".json")
N_BATCHES, N_ROUNDS = 12, 5
HAS_BF16: bool = conditions()["fast_bf16"]
PLAIN = {"length", "rows", "dropout", "attention"}
ALL = PLAIN | {"bf16"} if HAS_BF16 else PLAIN
STEPS: dict[str, set[str]] = {
    "random batches, fp32, torch's dropout and attention, whole table": set(),
    "+ batches of similar length and equal size": {"length"},
    "+ only the rows in use": {"length", "rows"},
    "+ one random byte per element": {"length", "rows", "dropout"},
    "+ plain attention": PLAIN,
    **({"+ bf16": ALL} if HAS_BF16 else {}),
}
OTHERS: dict[str, set[str]] = {
    **({"bf16 products of fp32 numbers (torch.backends.mkldnn)": PLAIN | {"products"}} if HAS_BF16 else {}),
    "clipping folded into the optimizer step": ALL | {"fold"},
    "gradients kept and zeroed": ALL | {"keep"},
    "no dropout at all (another training)": ALL | {"no dropout"},
    "packing: one row, block-diagonal mask": ALL | {"packed"},
}


def main() -> None:
    args = arguments(__doc__).parse_args()
    split = gmb_split(args.shared, args.work)
    corpus = clean(read(split / "train.jsonl")[:8000]).corpus
    predictor = build(corpus, RunConfig.build(encoder="minilm"))
    windows = predictor.encode(corpus.sentences)
    variants = STEPS | OTHERS
    systems = {name: Variant(predictor.model, windows, means) for name, means in variants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for round_ in range(N_ROUNDS + 1):
        for name, system in systems.items():
            spent = system.run()
            if round_:
                seconds[name].append(spent)
    rates = {name: systems[name].n_real / statistics.median(spent) for name, spent in seconds.items()}
    result = {
        "command": "python benchmarks/steps.py --shared ../shared --work DIR",
        "conditions": conditions(),
        "real_pieces_per_s": {name: round(rate) for name, rate in rates.items()},
    }
    save_json(RESULTS, result)
    print(table(rates))


class Variant:
    """A copy of the tagger that trains with some of the means.

    Args:
        model: What to copy.
        windows: What to train on.
        means: Which ones.
    """

    def __init__(self, model: Tagger, windows: Windows, means: set[str]) -> None:
        self.means = means
        self.model = copy.deepcopy(model).train()
        stack = ExitStack()
        atexit.register(stack.close)  # not before: a stack that is collected is left
        if "rows" in means:
            stack.enter_context(used_rows(self.model, torch.from_numpy(windows.used_pieces.astype(np.int64))))
        if "dropout" in means:
            stack.enter_context(cpu_kernels(self.model))
            if "attention" not in means:
                self.model.encoder.set_attn_implementation("sdpa")
        if "no dropout" in means:
            for module in self.model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
        groups = parameter_groups(self.model, learning_rate=3e-4, head_learning_rate=5e-3, weight_decay=0.01)
        self.optimizer: Any = torch.optim.AdamW(groups, fused=True)
        indices = batches(windows, by_length="length" in means)
        self.n_real = sum(int(windows.lengths[batch].sum()) for batch in indices)
        self.batches: list[dict[str, Any]] = [dict(collate(windows, batch)) for batch in indices]
        if "packed" in means:
            self.batches = [pack(collate(windows, batch)) for batch in indices]

    def run(self) -> float:
        """Seconds for all batches."""
        precision = "bf16" if "products" in self.means else "ieee"
        torch.backends.mkldnn.matmul.fp32_precision = precision  # type: ignore[attr-defined]
        start = time.perf_counter()
        for batch in self.batches:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled="bf16" in self.means):
                loss = self.model(**batch).loss
            loss.backward()
            if "fold" in self.means:
                norms = torch._foreach_norm([p.grad for p in self.model.parameters() if p.grad is not None])
                self.optimizer.grad_scale = torch.linalg.vector_norm(torch.stack(norms)).clamp(min=1.0)
                self.optimizer.found_inf = torch.zeros(())
            else:
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none="keep" not in self.means)
        return time.perf_counter() - start


def batches(windows: Windows, *, by_length: bool) -> list[list[int]]:
    """A dozen batches of an epoch."""
    if by_length:
        return list(LengthBatches(windows.lengths, 32, seed=1))[:N_BATCHES]
    order = np.random.default_rng(1).permutation(len(windows))
    return [order[i * 32 : (i + 1) * 32].tolist() for i in range(N_BATCHES)]


def pack(batch: Batch) -> dict[str, torch.Tensor]:
    """All windows of a batch in one row; each piece sees those of its own window, and positions start anew."""
    real = batch["attention_mask"].bool()
    window = torch.arange(len(real))[:, None].expand_as(real)[real]
    starts = real.sum(1).cumsum(0) - real.sum(1)
    words = batch["first_pieces"] > 0
    return {
        "input_ids": batch["input_ids"][real][None],
        "attention_mask": (window[:, None] == window)[None, None],
        "position_ids": torch.arange(real.shape[1]).expand_as(real)[real][None],
        "first_pieces": (batch["first_pieces"] + starts[:, None])[words][None],
        "feature_ids": batch["feature_ids"][words][None],
        "labels": batch["labels"][words][None],
    }


def table(rates: dict[str, float]) -> str:
    """Rates, and each step's gain over the one before."""
    first = rates[next(iter(STEPS))]
    lines = ["| means | real pieces/s | to the line above | to the first line |", "|---|---|---|---|"]
    above = first
    for name in STEPS:
        lines.append(f"| {name} | {rates[name]:,.0f} | {rates[name] / above:.2f} | {rates[name] / first:.2f} |")
        above = rates[name]
    lines += ["", "| tried, not used | real pieces/s | to all of the above |", "|---|---|---|"]
    lines += [f"| {name} | {rates[name]:,.0f} | {rates[name] / above:.2f} |" for name in OTHERS]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
