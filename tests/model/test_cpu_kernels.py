from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import BertConfig, BertModel, PreTrainedModel

from encoders import ARCHITECTURES
from nomina.encoding.batches import Batch, LengthBatches, collate
from nomina.encoding.word_pieces import WordPieces
from nomina.model import Tagger, cpu_kernels
from nomina.model.cpu_kernels import ByteDropout, attention, byte_dropout
from taggers import encode_sample, make_tagger, without_dropout

EncoderFolder = Callable[[str], Path]
MakeWordPieces = Callable[[str], WordPieces]
EVERY = [*ARCHITECTURES, "minilm"]


class Layer(nn.Module):
    """What asks for attention."""

    def __init__(self, *, is_causal: bool = False, n_groups: int = 1) -> None:
        super().__init__()
        self.is_causal = is_causal
        self.num_key_value_groups = n_groups


@st.composite
def attended(draw: st.DrawFn, kind: str) -> tuple[list[torch.Tensor], torch.Tensor | None]:
    """Query, key and value, and a mask that leaves each query something to see."""
    b, heads, q, k, dim = (draw(st.integers(1, 6)) for _ in range(5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    tensors = [torch.randn(b, heads, n, dim, generator=generator) for n in (q, k, k)]
    if kind == "none":
        return tensors, None
    shape = (draw(st.sampled_from((1, b))), draw(st.sampled_from((1, heads))), draw(st.sampled_from((1, q))), k)
    if kind == "float":
        return tensors, 3 * torch.randn(shape, generator=generator)
    mask = torch.rand(shape, generator=generator) < 0.5
    mask[..., draw(st.integers(0, k - 1))] = True
    if kind == "bool":
        return tensors, mask
    return tensors, torch.zeros(shape).masked_fill(~mask, torch.finfo(torch.float32).min)


@pytest.mark.parametrize("kind", ["none", "bool", "float", "as eager"])
@settings(deadline=None, max_examples=40)
@given(data=st.data(), scaling=st.none() | st.floats(0.05, 2.0))
def test_attention_against_torch_s_own(kind: str, data: st.DataObject, scaling: float | None) -> None:
    tensors, mask = data.draw(attended(kind))
    ours, theirs = ([tensor.clone().requires_grad_() for tensor in tensors] for _ in range(2))
    found, weights = attention(Layer(), ours[0], ours[1], ours[2], mask, scaling=scaling)
    expected = functional.scaled_dot_product_attention(
        theirs[0], theirs[1], theirs[2], attn_mask=mask, scale=scaling
    ).transpose(1, 2)
    assert weights is None
    assert found.is_contiguous()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    torch.autograd.backward(found.cos().sum())
    torch.autograd.backward(expected.cos().sum())
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our.grad, their.grad, atol=1e-5, rtol=1e-4)


def test_attention_in_bf16() -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 9, 8).bfloat16()
    mask = torch.rand(2, 1, 1, 9) < 0.7
    found, _ = attention(Layer(), query, key, value, mask)
    expected = functional.scaled_dot_product_attention(query.float(), key.float(), value.float(), attn_mask=mask)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected.transpose(1, 2), atol=3e-2, rtol=0)


def test_a_query_that_sees_nothing_is_finite() -> None:
    """Padding sees nothing in ModernBERT's local attention; no gradient may become NaN from it."""
    query, key, value = torch.randn(3, 1, 1, 4, 2).requires_grad_()
    found, _ = attention(Layer(), query, key, value, torch.zeros(1, 1, 4, 4, dtype=torch.bool))
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(found.sum(), (query, key, value)))


def test_attention_drops_weights_and_scales_the_rest() -> None:
    torch.manual_seed(0)
    n = 200
    query, key, value = torch.zeros(1, 1, n, 4), torch.randn(1, 1, n, 4), torch.eye(n)[None, None]
    weights, _ = attention(Layer(), query, key, value, None, dropout=0.25)
    assert (weights == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    kept = weights[weights != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / n / 0.75))


@pytest.mark.parametrize("case", ["causal layer", "causal call", "grouped keys", "position bias"])
@pytest.mark.parametrize("masked", [True, False])
def test_what_it_cannot_do_is_left_to_transformers(case: str, masked: bool) -> None:
    torch.manual_seed(0)
    n_keys = 2 if case == "grouped keys" else 4
    query, key, value = torch.randn(2, 4, 5, 3), torch.randn(2, n_keys, 5, 3), torch.randn(2, n_keys, 5, 3)
    mask = torch.rand(2, 1, 5, 5).ge(0.5) | torch.eye(5).bool() if masked else None
    layer, expected_mask = Layer(), mask
    more: dict[str, Any] = {}
    if case == "grouped keys":
        layer = Layer(n_groups=2)
    elif case == "position bias":
        bias = torch.randn(1, 4, 5, 5)
        more = {"position_bias": bias}
        expected_mask = bias if mask is None else bias.masked_fill(~mask, -math.inf)
    elif mask is None:  # a mask that is given holds the triangle already
        layer = Layer(is_causal=case == "causal layer")
        more = {"is_causal": True} if case == "causal call" else {}
        expected_mask = torch.ones(5, 5).tril().bool()
    found, _ = attention(layer, query, key, value, mask, **more)
    key, value = (tensor.repeat_interleave(4 // n_keys, dim=1) for tensor in (key, value))
    expected = functional.scaled_dot_product_attention(query, key, value, attn_mask=expected_mask)
    torch.testing.assert_close(found, expected.transpose(1, 2), atol=1e-5, rtol=0)


def test_a_decoder_stays_blind_to_what_follows() -> None:
    config = BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, is_decoder=True
    )
    torch.manual_seed(0)
    decoder = BertModel(config).eval()
    pieces = torch.randint(50, (2, 9))
    with torch.no_grad(), cpu_kernels(decoder):
        for mask in (torch.ones_like(pieces), torch.tensor([[1] * 9, [1] * 6 + [0] * 3])):
            found = decoder(input_ids=pieces, attention_mask=mask).last_hidden_state
            first = decoder(input_ids=pieces[:, :4], attention_mask=mask[:, :4]).last_hidden_state
            torch.testing.assert_close(found[:, :4], first, atol=1e-5, rtol=0)


def gradients(tagger: Tagger, batch: Batch, **more: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Scores of words, and the gradients that a batch adds."""
    tagger.zero_grad()
    output = tagger(**batch, **more)
    torch.autograd.backward(output.loss)
    return output.logits.detach(), {name: p.grad.clone() for name, p in tagger.named_parameters() if p.grad is not None}


def assert_close_as_a_whole(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """Each element within 1e-5 of the largest of all."""
    assert found.keys() == expected.keys()
    largest = max(float(value.abs().max()) for value in expected.values())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5 * largest, rtol=0, msg=name)


@pytest.mark.parametrize("architecture", EVERY)
@pytest.mark.parametrize("padded", [True, False])
def test_an_encoder_computes_what_it_does_outside(
    architecture: str, padded: bool, encoder_folder: EncoderFolder, word_pieces: MakeWordPieces
) -> None:
    tagger = without_dropout(make_tagger(encoder_folder(architecture)))
    windows = encode_sample(word_pieces(architecture))
    batch = collate(windows, range(6) if padded else [int(windows.lengths.argmax())])
    is_piece = batch["attention_mask"].bool()
    assert bool((~is_piece).any()) == padded
    for training in (False, True):
        tagger.train(training)
        encoder: Any = tagger.encoder
        pieces = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
        with torch.no_grad():
            hidden = encoder(**pieces).last_hidden_state[is_piece]
        scores, expected = gradients(tagger, batch)
        with cpu_kernels(tagger):
            with torch.no_grad():
                torch.testing.assert_close(encoder(**pieces).last_hidden_state[is_piece], hidden, atol=1e-5, rtol=0)
            scores_inside, found = gradients(tagger, batch)
        is_word = torch.arange(scores.shape[1]) < batch["first_pieces"].ne(0).sum(1, keepdim=True)
        torch.testing.assert_close(scores_inside[is_word], scores[is_word], atol=1e-5, rtol=0)
        assert_close_as_a_whole(found, expected)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padded_batches_learn_what_their_windows_do_one_at_a_time(
    architecture: str, encoder_folder: EncoderFolder, word_pieces: MakeWordPieces
) -> None:
    """So batches by length, whatever their sizes and padding, change no gradient."""
    tagger = without_dropout(make_tagger(encoder_folder(architecture)))
    windows = encode_sample(word_pieces(architecture))
    n_padded = 0
    with cpu_kernels(tagger):
        for indices in LengthBatches(windows.lengths, 6, seed=0):
            batch, singles = collate(windows, indices), [collate(windows, [i]) for i in indices]
            n_padded += int(not batch["attention_mask"].all())
            assert all(single["attention_mask"].all() for single in singles)
            _, together = gradients(tagger, batch, num_items_in_batch=1)  # of the sum over words
            alone = [gradients(tagger, single, num_items_in_batch=1)[1] for single in singles]
            assert_close_as_a_whole(
                together, {name: torch.stack([each[name] for each in alone]).sum(0) for name in together}
            )
    assert n_padded >= 2


def modules_of(model: nn.Module) -> list[tuple[str, int, bool]]:
    return [(name, id(module), module.training) for name, module in model.named_modules()]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("training", [True, False])
def test_modules_are_the_old_ones_afterwards(
    architecture: str, training: bool, encoder_folder: EncoderFolder, tmp_path: Path
) -> None:
    tagger = make_tagger(encoder_folder(architecture)).train(training)
    tagger.head.train(not training)
    before = modules_of(tagger)
    assert isinstance(tagger.encoder, PreTrainedModel)
    own = tagger.encoder.config._attn_implementation
    assert own == ("eager" if architecture == "deberta-v3" else "sdpa")
    tagger.save_pretrained(tmp_path / "outside")
    with cpu_kernels(tagger):
        assert not [module for module in tagger.modules() if type(module) is nn.Dropout]
        assert [(name, mode) for name, _, mode in modules_of(tagger)] == [(name, mode) for name, _, mode in before]
        assert (tagger.encoder.config._attn_implementation == own) == (own == "eager")
        tagger.save_pretrained(tmp_path / "inside")
    assert modules_of(tagger) == before
    assert tagger.encoder.config._attn_implementation == own
    for file in (tmp_path / "outside").iterdir():
        assert (tmp_path / "inside" / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(KeyboardInterrupt), cpu_kernels(tagger):
        raise KeyboardInterrupt
    assert modules_of(tagger) == before
    assert tagger.encoder.config._attn_implementation == own


def test_a_change_of_mode_within_lasts(encoder_folder: EncoderFolder) -> None:
    tagger = make_tagger(encoder_folder("bert-cased"))
    with cpu_kernels(tagger):
        tagger.train(False)
    assert not any(module.training for module in tagger.modules())


def test_a_chosen_kernel_stays(encoder_folder: EncoderFolder) -> None:
    tagger = make_tagger(encoder_folder("bert-cased"), attn_implementation="eager")
    with cpu_kernels(tagger):
        assert isinstance(tagger.encoder, PreTrainedModel)
        assert tagger.encoder.config._attn_implementation == "eager"


def test_nothing_is_dropped_in_evaluation(encoder_folder: EncoderFolder, word_pieces: MakeWordPieces) -> None:
    tagger = make_tagger(encoder_folder("bert-cased"), dropout=0.5)
    batch = collate(encode_sample(word_pieces("bert-cased")), range(6))
    with cpu_kernels(tagger), torch.no_grad():
        torch.manual_seed(0)
        first, second = tagger(**batch).logits, tagger(**batch).logits
        assert not torch.equal(first, second)
        torch.manual_seed(0)
        assert torch.equal(tagger(**batch).logits, first)
        tagger.train(False)
        assert torch.equal(tagger(**batch).logits, tagger(**batch).logits)


@pytest.mark.parametrize("p", [0.002, 0.1, 0.25, 0.5, 0.9, 0.999])
def test_dropout_drops_the_asked_share(p: float) -> None:
    torch.manual_seed(0)
    n = 8 * 50_000
    n_dropped = min(round(256 * p), 255)
    share, scale = n_dropped / 256, 256 / (256 - n_dropped)
    assert abs(share - p) <= 1 / 256
    x = torch.rand(n) + 0.5
    y = byte_dropout(x, p)
    kept = y != 0
    assert torch.equal(y[kept], x[kept] * scale)
    five_sigma = 5 * math.sqrt(share * (1 - share))
    # Each byte of the eight that are drawn at once, so all their bits are random.
    for shares in ((~kept).view(-1, 8).double().mean(0), (~kept).double().mean(0, keepdim=True)):
        assert (shares - share).abs().max().item() < five_sigma / math.sqrt(n / len(shares))
    drift = (y.double() - x.double()).mean().item()
    assert abs(drift) < 1.1 * five_sigma * scale / math.sqrt(n)  # x has a mean square of 1.08
    signs = torch.where(kept, share, share - 1).double()  # of mean 0
    for lag in (1, 7, 8, 64):
        correlation = (signs[lag:] * signs[:-lag]).mean().item() / (share * (1 - share))
        assert abs(correlation) < 5 / math.sqrt(n - lag)


@settings(deadline=None)
@given(
    shape=st.lists(st.integers(0, 7), max_size=4),
    p=st.floats(0, 1, exclude_max=True),
    dtype=st.sampled_from((torch.float32, torch.bfloat16, torch.float64)),
    layout=st.sampled_from(("contiguous", "transposed", "strided", "expanded")),
    seed=st.integers(0, 9),
)
def test_dropout_keeps_or_drops_in_both_directions(
    shape: list[int], p: float, dtype: torch.dtype, layout: str, seed: int
) -> None:
    torch.manual_seed(seed)
    x: torch.Tensor = 1 + torch.rand(shape, dtype=dtype)
    if layout == "transposed" and len(shape) > 1:
        x = x.transpose(0, -1)
    elif layout == "strided" and shape:
        x = x[::2]
    elif layout == "expanded":
        x = x.expand(3, *shape)
    x.requires_grad_()
    before = x.detach().clone()
    y = byte_dropout(x, p)
    scale = 256 / (256 - min(round(256 * p), 255))
    assert (y.dtype, y.shape) == (dtype, x.shape)
    assert torch.equal(x, before)
    assert torch.equal(y, torch.where(y == 0, 0, before * scale))
    gradient = 1 + torch.rand((*y.shape, 2), dtype=dtype)[..., 0]  # not contiguous either
    [found] = torch.autograd.grad(y, x, gradient)
    assert torch.equal(found, torch.where(y == 0, 0, gradient * scale))


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9])
def test_dropout_s_gradient_is_that_of_its_output(p: float) -> None:
    def seeded(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(3)
        return byte_dropout(x, p)

    x = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(seeded, (x,))


def test_recomputed_dropout_is_the_same() -> None:
    x = torch.randn(1001, requires_grad=True)
    torch.manual_seed(0)
    y = checkpoint(byte_dropout, x, 0.5, use_reentrant=False)
    byte_dropout(x, 0.5)  # draws on before the backward pass
    assert isinstance(y, torch.Tensor)
    [found] = torch.autograd.grad(y, x, torch.ones(1001))
    assert torch.equal(found, torch.where(y == 0, 0.0, 2.0))


def test_dropout_is_drawn_from_torch_s_generator() -> None:
    x = torch.ones(1001)
    torch.manual_seed(0)
    first, second = byte_dropout(x, 0.5), byte_dropout(x, 0.5)
    torch.manual_seed(0)
    assert torch.equal(byte_dropout(x, 0.5), first)
    assert not torch.equal(first, second)


def test_no_dropout_is_the_identity() -> None:
    x, state = torch.randn(9), torch.get_rng_state()
    assert byte_dropout(x, 0.0) is x
    module = ByteDropout(0.5)
    assert module(x).eq(0).any()
    module.eval()
    torch.set_rng_state(state)
    assert module(x) is x
    assert torch.equal(torch.get_rng_state(), state)


def test_few_compiled_shapes_are_kept_unless_the_user_says_otherwise(
    encoder_folder: EncoderFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = make_tagger(encoder_folder("bert-uncased"))
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    with cpu_kernels(tagger):
        assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "32"
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "1024")
    with cpu_kernels(tagger):
        assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "1024"
