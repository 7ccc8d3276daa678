"""Train only those rows of the word-piece table that a corpus uses.

A corpus uses a fraction of an encoder's vocabulary: 11,700 of BERT's 30,522 pieces in 8,000 sentences of news. All
other rows never get a gradient, yet a table of the full size has a gradient that is filled with zeros, two moments of
AdamW and a pass of the optimizer over them, at every step. Leaving them out changes no weight: without weight decay,
AdamW leaves a row alone that never had a gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from nomina.model.tagger import Tagger

__all__ = ["UsedRows", "used_rows"]


class UsedRows(nn.Embedding):
    """Stands in for an embedding table and holds some of its rows as its weight.

    Outside it looks like the full table: ids are those of the table, and its state dict has the table's name and shape.
    The other rows stay in the table, outside the module: they do not follow it to another device.

    Args:
        table: The full table, ``[V, H]``.
        used: Ids of the rows to hold, int64 ``[U]``, each once. Other ids must not be looked up.

    Shapes:
        - Input: int64 ``[...]``
        - Output: ``[..., H]``
    """

    row_of: torch.Tensor

    def __init__(self, table: nn.Embedding, used: torch.Tensor) -> None:
        rows = table.weight.detach()[used.to(table.weight.device)]
        super().__init__(len(used), table.embedding_dim, _weight=rows)
        self._table = (table,)  # in a tuple, so that it is no part of this module
        self._used = used
        # -1 for rows that are not held: looking one up fails.
        row_of = torch.full((table.num_embeddings,), -1, dtype=torch.long)
        row_of[used] = torch.arange(len(used))
        self.register_buffer("row_of", row_of, persistent=False)
        if table.padding_idx is not None and row_of[table.padding_idx] >= 0:
            self.padding_idx = int(row_of[table.padding_idx])

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Look up rows."""
        return functional.embedding(self.row_of[ids], self.weight, self.padding_idx)

    def merge(self) -> nn.Embedding:
        """The full table, with the held rows written back."""
        (table,) = self._table
        with torch.no_grad():
            table.weight[self._used] = self.weight.to(table.weight.device)
        return table

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        destination[f"{prefix}weight"] = self.merge().weight.detach().clone()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        (table,) = self._table
        table._load_from_state_dict(state_dict, prefix, *args)
        with torch.no_grad():
            self.weight.copy_(table.weight[self._used])


@contextmanager
def used_rows(model: Tagger, used: torch.Tensor) -> Iterator[None]:
    """Within, the model's word-piece table is an :class:`UsedRows`; afterwards, the full table with what was learnt.

    Args:
        model: A tagger. One with a word-piece table of another class, or a frozen one, is left as it is.
        used: Ids of all pieces that will be looked up, int64 ``[U]``, each once.
    """
    table = model.get_input_embeddings()
    if type(table) is not nn.Embedding or not table.weight.requires_grad:
        yield
        return
    rows = UsedRows(table, used)
    model.encoder.set_input_embeddings(rows)  # type: ignore[operator]
    try:
        yield
    finally:
        merged = rows.merge()
        model.encoder.set_input_embeddings(merged.to(rows.weight.device))  # type: ignore[operator]
