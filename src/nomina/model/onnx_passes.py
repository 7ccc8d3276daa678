"""Two rewritings of an exported graph: the last layer for words alone, and embeddings in 8 bits."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

__all__ = ["rows_in_8_bits", "words_only"]

_ROW_BY_ROW = frozenset(
    ("Add", "Cast", "Div", "Erf", "Gelu", "LayerNormalization", "MatMul", "Mul", "Pow", "Split", "Sqrt", "Sub", "Tanh")
)
"""Operations that make each piece's vector from that piece's vectors alone; ``MatMul`` with a weight."""

_MANY_ROWS = 1000
"""Rows from which on an embedding table is worth rounding: word pieces, not tags."""


def words_only(graph: GraphProto) -> None:
    """Pick the words' vectors out of the pieces' before the last layer's feed-forward, not behind it.

    What follows the last attention treats each piece on its own, and only first pieces of words are wanted of it.

    Args:
        graph: A graph that takes ``first_pieces``, int64 ``[B, W]``; changed in place.
    """
    from onnx import TensorProto, helper

    consumers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            consumers[name].append(node)
    [picking] = [node for node in graph.node if node.op_type == "GatherElements" and _is_picked(node, graph)]
    whole = picking.input[0]
    behind, borders = _behind_last_attention(graph, whole, picking, consumers)
    for name in borders:
        for node in behind:
            node.input[:] = [f"{name}_words" if value == name else value for value in node.input]
    for node in consumers[picking.output[0]]:
        final = f"{whole}_words" if whole in borders else whole
        node.input[:] = [final if value == picking.output[0] else value for value in node.input]
    axis = helper.make_tensor("last_axis", TensorProto.INT64, [1], [-1])
    rows = helper.make_node("Unsqueeze", ["first_pieces", axis.name], ["first_piece_rows"], name="first_piece_rows")
    graph.initializer.append(axis)
    nodes = [rows]
    for node in graph.node:
        if node is picking:
            continue
        nodes.append(node)
        nodes += [
            helper.make_node("GatherND", [name, rows.output[0]], [f"{name}_words"], name=f"{name}_words", batch_dims=1)
            for name in node.output
            if name in borders
        ]
    _replace_nodes(graph, nodes)


def _is_picked(node: NodeProto, graph: GraphProto) -> bool:
    """Whether a node picks by ``first_pieces``."""
    producers = {name: other for other in graph.node for name in other.output}
    waiting, seen = [node.input[1]], set()
    while waiting:
        name = waiting.pop()
        if name == "first_pieces":
            return True
        producer = producers.get(name)
        if name in seen or producer is None or producer.op_type == "Shape":
            continue
        seen.add(name)
        waiting += producer.input
    return False


def _behind_last_attention(
    graph: GraphProto, whole: str, picking: NodeProto, consumers: dict[str, list[NodeProto]]
) -> tuple[list[NodeProto], list[str]]:
    """Nodes whose results are used for words alone, and the values that they are computed from."""
    constants = {weight.name for weight in graph.initializer}
    for node in graph.node:  # equal weights are stored once, with further names for them
        if node.op_type == "Constant" or (node.op_type == "Identity" and node.input[0] in constants):
            constants.update(node.output)
    wanted, borders = {whole}, []
    behind, ids = [], {id(picking)}
    for node in reversed(graph.node):
        outputs = [name for name in node.output if name in wanted]
        if not outputs:
            continue
        # A shape is asked for to pick all of a vector, and that stays as long.
        users = [user for name in node.output for user in consumers[name] if user.op_type != "Shape"]
        has_weight = node.op_type != "MatMul" or node.input[1] in constants
        if node.op_type in _ROW_BY_ROW and has_weight and all(id(user) in ids for user in users):
            behind.append(node)
            ids.add(id(node))
            wanted |= {name for name in node.input if name and name not in constants}
        else:
            borders += outputs
    return behind, borders


def rows_in_8_bits(graph: GraphProto) -> None:
    """Store each row of large embedding tables in 8 bits, with a scale of its own.

    Args:
        graph: Changed in place.
    """
    from onnx import TensorProto, helper, numpy_helper

    weights = {weight.name: weight for weight in graph.initializer}
    nodes: list[NodeProto] = []
    rounded: dict[str, tuple[str, str]] = {}
    for node in graph.node:
        table = weights.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or len(table.dims) != 2 or table.dims[0] < _MANY_ROWS or table.data_type != TensorProto.FLOAT:
            nodes.append(node)
            continue
        if table.name not in rounded:
            rows = numpy_helper.to_array(table)
            scales = np.maximum(np.abs(rows).max(1, keepdims=True), np.finfo(np.float32).tiny) / np.float32(127)
            names = (f"{table.name}_rows", f"{table.name}_scales")
            graph.initializer.append(numpy_helper.from_array(np.rint(rows / scales).astype(np.int8), names[0]))
            graph.initializer.append(numpy_helper.from_array(scales, names[1]))
            rounded[table.name] = names
        ids, out = node.input[1], node.output[0]
        parts = [f"{out}_{part}" for part in ("rows", "float", "scales")]
        nodes += [
            helper.make_node("Gather", [rounded[table.name][0], ids], [parts[0]], name=parts[0]),
            helper.make_node("Cast", [parts[0]], [parts[1]], name=parts[1], to=TensorProto.FLOAT),
            helper.make_node("Gather", [rounded[table.name][1], ids], [parts[2]], name=parts[2]),
            helper.make_node("Mul", [parts[1], parts[2]], [out], name=node.name),
        ]
    _replace_nodes(graph, nodes)
    used = {name for node in graph.node for name in node.input}
    kept = [weight for weight in graph.initializer if weight.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _replace_nodes(graph: GraphProto, nodes: list[NodeProto]) -> None:
    del graph.node[:]
    graph.node.extend(nodes)
