"""The networks that XNNPACK computes wrongly in its sparse mode."""

import dataclasses

import numpy as np

from tfsparse import flatbuffer
from tfsparse.inspection import operators, xnnpack
from tfsparse.inspection.nodes import nodes_of
from tfsparse.inspection.tensors import Tensor, mask
from tfsparse.inspection.xnnpack_roles import ENTRY, check
from tfsparse.inspection.zeros import Zeros


def broken_entries(model, subgraph_index):
    """Where the parts of a subgraph start that XNNPACK on ARM computes wrongly.

    Args:
        model: A `ModelT` with weights that are stored sparse.
        subgraph_index: Which of its subgraphs.

    Returns:
        The indices of the convolutions that change the layout to channels first; none unless
        something is computed wrongly behind one of them.
    """
    graph = model.subgraphs[subgraph_index]
    tensors = [_outline(model, subgraph_index, k) for k in range(len(graph.tensors or ()))]
    stored = operators.constant_weights(model, graph)
    weights = {k: tensors[index] for k, index in stored.items()}
    entries = [
        index
        for index, node in nodes_of(model, subgraph_index, tensors, weights).items()
        if check(node)[0] & ENTRY
    ]
    # Few networks have any, and only for them the zeros need to be counted.
    if not entries:
        return []
    weights = {k: _counted(model, graph, tensor) for k, tensor in weights.items()}
    nodes = list(nodes_of(model, subgraph_index, tensors, weights).values())
    found = xnnpack.support(nodes, set(flatbuffer.ints(graph.outputs)), encoded=True)
    broken = any(one and one.reason.startswith(xnnpack.BROKEN) for one in found)
    return entries if broken else []


def _outline(model, subgraph_index, index):
    tensor = model.subgraphs[subgraph_index].tensors[index]
    return Tensor(
        subgraph=subgraph_index,
        index=index,
        buffer=tensor.buffer,
        name=flatbuffer.decode_name(tensor.name),
        shape=flatbuffer.ints(tensor.shape),
        dtype=flatbuffer.dtype_name(tensor) or "other",
        role="constant" if flatbuffer.is_constant(model, tensor) else "activation",
    )


def _counted(model, graph, tensor):
    if tensor.dtype == "other":
        return tensor
    kept = mask(model, graph.tensors[tensor.index])
    return dataclasses.replace(tensor, zeros=Zeros(kept.size, kept.size - np.count_nonzero(kept)))
