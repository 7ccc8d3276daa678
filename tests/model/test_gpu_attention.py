from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from encoders import ARCHITECTURES
from nomina.encoding.batches import collate
from nomina.encoding.word_pieces import WordPieces
from nomina.model import SDPA_WITHOUT_WAITING, Tagger
from taggers import encode_sample, make_tagger, without_dropout

EncoderFolder = Callable[[str], Path]
MakeWordPieces = Callable[[str], WordPieces]
# DeBERTa has an attention of its own, made of nothing that waits.
WITH_SDPA = [name for name in ARCHITECTURES if not name.startswith("deberta")]


class Waits(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations whose result, or its shape, the host has to wait for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in ("_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "unique", "equal"):
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))


def step(tagger: Tagger, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, Counter[str]]:
    with Waits() as waits:
        output = tagger(**batch, num_items_in_batch=torch.tensor(30))
        output.loss.backward()
    return output.logits.detach(), waits.seen


@pytest.mark.parametrize("architecture", WITH_SDPA)
@pytest.mark.parametrize("padded", [True, False])
def test_a_step_never_waits_for_the_device(
    encoder_folder: EncoderFolder, word_pieces: MakeWordPieces, architecture: str, padded: bool
) -> None:
    tagger = without_dropout(make_tagger(encoder_folder(architecture)))
    windows = encode_sample(word_pieces(architecture))
    batch: dict[str, Any] = dict(collate(windows, range(6) if padded else [3]))
    assert bool(batch["attention_mask"].all()) is not padded
    expected, waits = step(tagger, batch)
    assert waits["_local_scalar_dense"]  # transformers' own looks at the mask
    gradients = [parameter.grad for parameter in tagger.parameters()]
    tagger.zero_grad()
    tagger.encoder.set_attn_implementation(SDPA_WITHOUT_WAITING)  # type: ignore[operator]
    logits, waits = step(tagger, batch)
    assert not waits
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    for parameter, gradient in zip(tagger.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=0, atol=1e-5)
