from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from encoders import ARCHITECTURES
from nomina.encoding.batches import LengthBatches, collate
from nomina.encoding.windows import Windows
from nomina.encoding.word_pieces import WordPieces
from nomina.model import Tagger, used_rows
from nomina.model.used_rows import UsedRows
from nomina.training.trainer import parameter_groups
from taggers import encode_sample, make_tagger

EncoderFolder = Callable[[str], Path]
MakeWordPieces = Callable[[str], WordPieces]
RATES = (1.0, 0.3, 1.5, 0.01, 1.0, 0.5, 0.0, 0.7)  # relative, one per step


def table_of(tagger: Tagger) -> nn.Embedding:
    table = tagger.get_input_embeddings()
    assert isinstance(table, nn.Embedding)
    return table


def used_of(windows: Windows, tagger: Tagger) -> torch.Tensor:
    """What the windows show, and some pieces more, as the dev part may add them."""
    used = np.union1d(windows.used_pieces, [7, 60, 61, 62]).astype(np.int64)
    assert len(used) < 0.75 * table_of(tagger).num_embeddings
    return torch.from_numpy(used)


def unused_of(tagger: Tagger, used: torch.Tensor) -> torch.Tensor:
    rest = torch.ones(table_of(tagger).num_embeddings, dtype=torch.bool)
    rest[used] = False
    return rest


def weights_of(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def assert_equal_to_the_bit(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(expected)
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


def train(tagger: Tagger, windows: Windows, *, max_grad_norm: float | None = None) -> torch.optim.Optimizer:
    """A few steps as the trainer takes them, over batches that each show other pieces."""
    torch.manual_seed(0)  # of dropout
    groups = parameter_groups(tagger, learning_rate=2e-3, head_learning_rate=1e-2, weight_decay=0.01)
    optimizer = torch.optim.AdamW(groups, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: RATES[step % len(RATES)])
    batches = [batch for _ in range(3) for batch in LengthBatches(windows.lengths, 5, seed=0)]
    for indices, _ in zip(batches, RATES, strict=False):
        torch.autograd.backward(tagger(**collate(windows, indices)).loss)
        if max_grad_norm is not None:
            nn.utils.clip_grad_norm_(tagger.parameters(), max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return optimizer


def trained(
    folder: Path, windows: Windows, *, small: bool, max_grad_norm: float | None = None
) -> dict[str, torch.Tensor]:
    tagger = make_tagger(folder)
    with used_rows(tagger, used_of(windows, tagger)) if small else nullcontext():
        assert isinstance(table_of(tagger), UsedRows) == small
        train(tagger, windows, max_grad_norm=max_grad_norm)
    return weights_of(tagger)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_training_some_rows_gives_the_weights_of_training_all(
    architecture: str, encoder_folder: EncoderFolder, word_pieces: MakeWordPieces
) -> None:
    folder, windows = encoder_folder(architecture), encode_sample(word_pieces(architecture))
    full, small = trained(folder, windows, small=False), trained(folder, windows, small=True)
    assert_equal_to_the_bit(small, full)
    tagger = make_tagger(folder)
    unused = unused_of(tagger, used_of(windows, tagger))
    [name] = [name for name, parameter in tagger.named_parameters() if parameter is table_of(tagger).weight]
    before = weights_of(tagger)
    assert torch.equal(small[name][unused], before[name][unused])
    shown = torch.from_numpy(windows.pieces.astype(np.int64))
    assert (small[name] != before[name]).any(-1)[shown].all()  # they did learn
    assert torch.equal(small[name][windows.pad_id], before[name][windows.pad_id])


@pytest.mark.parametrize("architecture", ["bert-uncased", "modernbert"])
def test_clipping_sums_the_norm_in_another_order_at_most(
    architecture: str, encoder_folder: EncoderFolder, word_pieces: MakeWordPieces
) -> None:
    folder, windows = encoder_folder(architecture), encode_sample(word_pieces(architecture))
    full = trained(folder, windows, small=False, max_grad_norm=1.0)
    small = trained(folder, windows, small=True, max_grad_norm=1.0)
    assert list(small) == list(full)
    for name, expected in full.items():
        torch.testing.assert_close(small[name], expected, atol=1e-6, rtol=0, msg=name)
    free = trained(folder, windows, small=False)
    assert any(not torch.allclose(free[name], full[name], atol=1e-4) for name in full)  # it did clip


@pytest.fixture
def tagger(encoder_folder: EncoderFolder) -> Tagger:
    return make_tagger(encoder_folder("bert-uncased"))


@pytest.fixture
def windows(word_pieces: MakeWordPieces) -> Windows:
    return encode_sample(word_pieces("bert-uncased"))


def test_the_optimizer_holds_the_used_rows_alone(tagger: Tagger, windows: Windows) -> None:
    used = used_of(windows, tagger)
    n_parameters = sum(p.numel() for p in tagger.parameters())
    with used_rows(tagger, used):
        optimizer = train(tagger, windows)
        rows = table_of(tagger).weight
        assert rows.shape == (len(used), 32)
        assert {name: value.shape for name, value in optimizer.state[rows].items() if name != "step"} == {
            "exp_avg": rows.shape,
            "exp_avg_sq": rows.shape,
        }
    held = sum(state["exp_avg"].numel() for state in optimizer.state.values())
    assert held == n_parameters - 32 * int(unused_of(tagger, used).sum())


def test_the_module_is_the_old_one_afterwards(tagger: Tagger, windows: Windows) -> None:
    table, modules = table_of(tagger), list(tagger.named_modules())
    names = [name for name, _ in tagger.named_parameters()]
    with used_rows(tagger, used_of(windows, tagger)):
        assert table_of(tagger) is not table
        assert [name for name, _ in tagger.named_parameters()] == names
    assert table_of(tagger) is table
    assert list(tagger.named_modules()) == modules
    assert type(table) is nn.Embedding
    assert table.weight.requires_grad
    assert table.weight.is_leaf


def test_an_exception_keeps_what_was_learnt(tagger: Tagger, windows: Windows) -> None:
    table, learnt = table_of(tagger), {}
    with pytest.raises(KeyboardInterrupt), used_rows(tagger, used_of(windows, tagger)):  # noqa: PT012
        train(tagger, windows)
        learnt = weights_of(tagger)
        raise KeyboardInterrupt
    assert table_of(tagger) is table
    assert_equal_to_the_bit(weights_of(tagger), learnt)


def test_the_state_dict_is_that_of_the_full_table(tagger: Tagger, windows: Windows, tmp_path: Path) -> None:
    before = weights_of(tagger)
    with used_rows(tagger, used_of(windows, tagger)):
        assert_equal_to_the_bit(weights_of(tagger), before)
        train(tagger, windows)
        inside = tagger.state_dict()
        tagger.save_pretrained(tmp_path)  # as checkpoints are
        at_that_time = {name: value.clone() for name, value in inside.items()}
    after = weights_of(tagger)
    assert_equal_to_the_bit(at_that_time, after)
    assert {name: value.shape for name, value in after.items()} == {name: v.shape for name, v in before.items()}
    assert_equal_to_the_bit(weights_of(Tagger.from_pretrained(tmp_path)), after)


def test_full_tables_can_be_loaded_within(tagger: Tagger, windows: Windows) -> None:
    torch.manual_seed(1)
    other = {name: torch.randn_like(value) for name, value in tagger.state_dict().items()}
    batch = collate(windows, range(4))
    [name] = [name for name, parameter in tagger.named_parameters() if parameter is table_of(tagger).weight]
    tagger.train(False)
    with used_rows(tagger, used_of(windows, tagger)), torch.no_grad():
        assert str(tagger.load_state_dict(other)) == "<All keys matched successfully>"
        assert_equal_to_the_bit(weights_of(tagger), other)
        inside = tagger(**batch).logits
        with pytest.raises(RuntimeError, match=f"Missing key.*{name}"):
            tagger.load_state_dict({key: value for key, value in other.items() if key != name})
        with pytest.raises(RuntimeError, match=f"size mismatch for {name}"):
            tagger.load_state_dict({**other, name: other[name][:9]})
    assert_equal_to_the_bit(weights_of(tagger), other)
    with torch.no_grad():
        assert torch.equal(tagger(**batch).logits, inside)


def test_a_piece_that_is_not_held_is_an_error(tagger: Tagger, windows: Windows) -> None:
    used = used_of(windows, tagger)
    unused = unused_of(tagger, used).nonzero().flatten().tolist()
    with used_rows(tagger, used):
        table_of(tagger)(used)
        for piece in (unused[0], unused[-1], unused[len(unused) // 2]):
            with pytest.raises(IndexError):
                tagger(input_ids=torch.tensor([[int(used[0]), piece]]))


class ScaledEmbedding(nn.Embedding):
    """Computes something else than looking rows up."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
        return 2 * super().forward(input)


def test_frozen_and_foreign_tables_are_left_alone(tagger: Tagger, windows: Windows) -> None:
    used, table = used_of(windows, tagger), table_of(tagger)
    table.weight.requires_grad_(False)
    with used_rows(tagger, used):
        assert table_of(tagger) is table
    foreign = ScaledEmbedding(table.num_embeddings, table.embedding_dim)
    tagger.encoder.set_input_embeddings(foreign)  # type: ignore[operator]
    with used_rows(tagger, used):
        assert table_of(tagger) is foreign
    assert table_of(tagger) is foreign


@st.composite
def lookups(draw: st.DrawFn) -> tuple[int, list[int], list[int], int | None]:
    """Size of a table, ids that are used, ids that are looked up, the padding id."""
    size = draw(st.integers(1, 12))
    used = draw(st.lists(st.integers(0, size - 1), min_size=1, unique=True))
    return size, used, draw(st.lists(st.sampled_from(used))), draw(st.none() | st.integers(0, size - 1))


@settings(deadline=None)
@given(lookup=lookups(), seed=st.integers(0, 99))
def test_rows_and_gradients_are_those_of_the_table(
    lookup: tuple[int, list[int], list[int], int | None], seed: int
) -> None:
    size, used, ids, padding = lookup
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(size, 3, generator=generator)  # of the padding row too
    table = nn.Embedding(size, 3, padding_idx=padding, _weight=weight.clone())
    rows = UsedRows(table, torch.tensor(used))
    looked_up = torch.tensor(ids, dtype=torch.long)
    target = torch.randn(len(ids), 3, generator=generator)

    def gradient(module: nn.Embedding) -> torch.Tensor:
        vectors = module(looked_up)
        assert torch.equal(vectors, functional.embedding(looked_up, weight))
        torch.autograd.backward((vectors * target).sum())
        assert module.weight.grad is not None
        return module.weight.grad

    assert torch.equal(gradient(rows), gradient(table)[used])
    with torch.no_grad():
        rows.weight += 1
    assert rows.merge() is table
    expected = weight.clone()
    expected[used] += 1
    assert torch.equal(table.weight, expected)
