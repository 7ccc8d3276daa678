"""Each fusion against its formula, written out for one word."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from nomina.model.fusion import FUSIONS, AddFusion, AttentionFusion, ConcatFusion, GateFusion, make_fusion

HIDDEN, DIMS = 6, (3, 2)


@pytest.fixture
def words() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 4, HIDDEN)


@pytest.fixture
def features() -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(2, 4, dim) for dim in DIMS]


def make(name: str) -> Any:
    torch.manual_seed(2)
    return make_fusion(name, hidden_dim=HIDDEN, feature_dims=DIMS)


@pytest.mark.parametrize("name", FUSIONS)
def test_shapes_and_gradients(name: str, words: torch.Tensor, features: list[torch.Tensor]) -> None:
    fusion = make(name)
    for tensor in (words, *features):
        tensor.requires_grad_()
    joined = fusion(words, features)
    assert joined.shape == (2, 4, fusion.output_dim)
    torch.autograd.backward((joined * torch.randn_like(joined)).sum())
    assert all(tensor.grad is not None and tensor.grad.any() for tensor in (words, *features))
    assert all(p.grad is not None for p in fusion.parameters())


@pytest.mark.parametrize("name", FUSIONS)
def test_words_are_joined_one_by_one(name: str, words: torch.Tensor, features: list[torch.Tensor]) -> None:
    fusion = make(name)
    alone = fusion(words[1:, 2:3], [feature[1:, 2:3] for feature in features])
    torch.testing.assert_close(fusion(words, features)[1:, 2:3], alone)


@pytest.mark.parametrize("name", FUSIONS)
def test_without_features_words_pass_as_they_are(name: str, words: torch.Tensor) -> None:
    fusion: Any = make_fusion(name, hidden_dim=HIDDEN, feature_dims=())
    assert not list(fusion.parameters())
    assert torch.equal(fusion(words, []), words)


def test_concat(words: torch.Tensor, features: list[torch.Tensor]) -> None:
    fusion = make("concat")
    assert isinstance(fusion, ConcatFusion)
    assert fusion.output_dim == HIDDEN + sum(DIMS)
    assert torch.equal(fusion(words, features), torch.cat([words, *features], -1))


def test_add(words: torch.Tensor, features: list[torch.Tensor]) -> None:
    fusion = make("add")
    assert isinstance(fusion, AddFusion)
    projected = torch.cat(features, -1) @ fusion.projection.weight.T + fusion.projection.bias
    torch.testing.assert_close(fusion(words, features), functional.layer_norm(words + projected, (HIDDEN,)))


def test_a_closed_gate_shuts_the_features_out_and_an_open_one_adds_them(
    words: torch.Tensor, features: list[torch.Tensor]
) -> None:
    fusion, add = make("gate"), make("add")
    assert isinstance(fusion, GateFusion)
    add.load_state_dict({name: value for name, value in fusion.state_dict().items() if not name.startswith("gate")})
    torch.nn.init.zeros_(fusion.gate.weight)
    torch.nn.init.constant_(fusion.gate.bias, -100.0)
    torch.testing.assert_close(fusion(words, features), functional.layer_norm(words, (HIDDEN,)))
    torch.nn.init.constant_(fusion.gate.bias, 100.0)
    torch.testing.assert_close(fusion(words, features), add(words, features))


def test_attention_is_that_of_torch(words: torch.Tensor, features: list[torch.Tensor]) -> None:
    fusion = make("attention")
    assert isinstance(fusion, AttentionFusion)
    torch.nn.init.normal_(fusion.empty_key)
    query = fusion.query(words).unsqueeze(2)
    keys = [key(feature) for key, feature in zip(fusion.keys, features, strict=True)]
    keys.append(fusion.empty_key.expand_as(keys[0]))
    values = [value(feature) for value, feature in zip(fusion.values, features, strict=True)]
    values.append(torch.zeros_like(values[0]))
    found = functional.scaled_dot_product_attention(query, torch.stack(keys, 2), torch.stack(values, 2)).squeeze(2)
    torch.testing.assert_close(fusion(words, features), functional.layer_norm(words + found, (HIDDEN,)))


def test_an_unknown_fusion() -> None:
    with pytest.raises(KeyError, match="product"):
        make_fusion("product", hidden_dim=HIDDEN, feature_dims=DIMS)
