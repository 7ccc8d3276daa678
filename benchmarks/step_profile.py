"""Where the time of a training step goes: torch's profiler around ``nomina``'s own training loop.

    python benchmarks/step_profile.py --shared ../shared --work DIR [--precision fp32] [--encoder minilm]

Trains on the first 1,600 sentences of GMB's training part for one epoch and prints a Markdown table: each kind of work
with its share of the steps' time, by the time that torch's operations take themselves (self CPU time). Evaluation,
checkpoints and what happens before the first step are left out.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from transformers import TrainerCallback

from common import arguments, gmb_split
from nomina.data.cleaning import clean
from nomina.data.formats import read
from nomina.training.config import RunConfig
from nomina.training.fit import fit
from nomina.training.trainer import TaggerTrainer

KINDS = {
    "matrix products of linear layers": ("aten::mm", "aten::addmm"),
    "attention": (
        "aten::bmm",
        "aten::_softmax",
        "aten::_softmax_backward_data",
        "aten::masked_fill",
        "aten::masked_fill_",
    ),
    "dropout": ("aten::bernoulli_", "aten::random_", "aten::native_dropout", "aten::ge", "_ByteDropout", "aten::div_"),
    "GELU": ("aten::gelu", "aten::gelu_backward"),
    "layer norm": ("aten::native_layer_norm", "aten::native_layer_norm_backward"),
    "gradients of embeddings, filling with zeros": ("aten::fill_", "aten::zero_", "aten::embedding_dense_backward"),
    "optimizer step": ("aten::_fused_adamw_", "Optimizer.step#AdamW.step"),
    "gradient norm and clipping": ("aten::linalg_vector_norm", "aten::_foreach_norm", "aten::mul_"),
    "copies and conversions": ("aten::copy_", "aten::_to_copy", "aten::cat", "aten::clone"),
    "other element-wise work": (
        "aten::mul",
        "aten::add",
        "aten::add_",
        "aten::sum",
        "aten::div",
        "aten::sub",
        "aten::where",
    ),
}
N_WARM = 5


class Steps(TrainerCallback):
    """Profiles all steps but the first few; counts their wall time."""

    def __init__(self) -> None:
        self.profiler = profile(activities=[ProfilerActivity.CPU])
        self.start = 0.0
        self.wall_s = 0.0
        self.n_steps = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == N_WARM:
            self.profiler.start()
            self.start = time.perf_counter()
        elif state.global_step == state.max_steps:
            self.wall_s = time.perf_counter() - self.start
            self.profiler.stop()
            self.n_steps = state.global_step - N_WARM


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--sentences", type=int, default=1600)
    args = parser.parse_args()
    split = gmb_split(args.shared, args.work)
    train = clean(read(split / "train.jsonl")[: args.sentences]).corpus
    config = RunConfig.build(encoder=args.encoder, precision=args.precision, epochs=1)
    steps = Steps()
    own_init = TaggerTrainer.__init__

    def init(self: TaggerTrainer, **options: Any) -> None:
        own_init(self, **options)
        self.add_callback(steps)

    TaggerTrainer.__init__ = init  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        fit(train, None, config, Path(folder))
    print(table(steps))


def table(steps: Steps) -> str:
    """Share and milliseconds per step of each kind of work, largest first."""
    spent = dict.fromkeys([*KINDS, "everything else in torch"], 0.0)
    for event in steps.profiler.key_averages():
        kinds = (kind for kind, names in KINDS.items() if event.key in names)
        spent[next(kinds, "everything else in torch")] += event.self_cpu_time_total / 1e6
    spent["outside torch (Python, the loop, waiting)"] = max(0.0, steps.wall_s - sum(spent.values()))
    lines = [
        f"{1000 * steps.wall_s / steps.n_steps:.0f} ms a step, {torch.get_num_threads()} threads",
        "",
        "| work | ms a step | share |",
        "|---|---|---|",
    ]
    for kind, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        lines.append(f"| {kind} | {1000 * seconds / steps.n_steps:.1f} | {seconds / steps.wall_s:.0%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
