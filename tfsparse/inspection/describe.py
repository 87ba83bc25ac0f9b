"""The tensors and the operators of a model, described one by one."""

import numpy as np

from tfsparse import flatbuffer
from tfsparse.inspection import nodes, operators, tensors, xnnpack
from tfsparse.inspection.operators import Operator
from tfsparse.progress import track


def describe_tensors(model):
    """The `Tensor`s of all subgraphs of a model, in the file's order.

    Raises:
        ValueError: The file's data about a tensor is inconsistent.
    """
    places = [
        (i, k) for i, graph in enumerate(model.subgraphs) for k in range(len(graph.tensors or ()))
    ]
    channels_last = {
        (i, index)
        for i, graph in enumerate(model.subgraphs)
        for operator, index in operators.constant_weights(model, graph).items()
        if flatbuffer.operator_name(model, graph.operators[operator]) in operators.CHANNELS_LAST
    }
    batch_is_open = any(-1 in detail["shape_signature"][:1] for detail in input_details(model))
    seen, described = set(), []
    for i, k in track(places, "Reading tensors"):
        graph = model.subgraphs[i]
        buffer = graph.tensors[k].buffer
        described.append(
            tensors.describe(
                model,
                i,
                k,
                role=_role(graph, k),
                channels_last=(i, k) in channels_last,
                shared=buffer in seen,
                batch_is_open=batch_is_open,
            )
        )
        seen.add(buffer)
    return described


def input_details(model):
    """The details of a model's inputs that a file contains, as in `get_input_details`."""
    graph = model.subgraphs[0]
    found = [graph.tensors[index] for index in flatbuffer.ints(graph.inputs)]
    return [
        {
            "name": flatbuffer.decode_name(t.name),
            "shape_signature": np.array(tensors.signature(t), int),
        }
        for t in found
    ]


def describe_operators(model, described):
    """The `Operator`s of all subgraphs of a model, with their support in XNNPACK.

    Args:
        model: A `ModelT`.
        described: The result of `describe_tensors`.
    """
    encoded = any(tensor.is_encoded for tensor in described)
    result = []
    for i, graph in enumerate(model.subgraphs):
        own = [tensor for tensor in described if tensor.subgraph == i]
        stored = operators.constant_weights(model, graph)
        weights = {k: own[index] for k, index in stored.items()}
        support = _xnnpack(model, i, own, weights, encoded)
        for k, operator in enumerate(graph.operators or ()):
            described_operator = _operator(model, i, k, operator, own, weights.get(k))
            described_operator.support.update(support.get(k, {}))
            result.append(described_operator)
    return result


def _operator(model, subgraph, index, operator, tensors, weights):
    outputs = [tensors[k] for k in flatbuffer.ints(operator.outputs) if k >= 0]
    shapes = [tensors[k].shape if k >= 0 else () for k in flatbuffer.ints(operator.inputs)]
    kind = flatbuffer.operator_name(model, operator)
    slot = operators.WEIGHTS.get(kind, len(shapes))
    macs = nonzero = None
    read = [tensors[k] for k in flatbuffer.ints(operator.inputs) if k >= 0]
    if outputs and slot < len(shapes) and all(tensor.is_sized for tensor in (*read, outputs[0])):
        macs = operators.macs_of(kind, shapes, outputs[0].shape, shapes[slot])
        nonzero = macs
        if macs and weights and weights.zeros and weights.zeros.size:
            size = weights.zeros.size
            nonzero = macs * (size - weights.zeros.zeros) // size
    return Operator(
        subgraph=subgraph,
        index=index,
        kind=operators.kind_of(model, operator),
        name=outputs[0].name if outputs else "",
        shape=outputs[0].shape if outputs else (),
        weights=weights,
        macs=macs,
        nonzero_macs=nonzero,
        is_unsized=macs is None
        and operators.multiplies(model, model.subgraphs[subgraph], operator),
    )


def _xnnpack(model, subgraph, tensors, weights, encoded):
    """The support of each operator with weights in XNNPACK, by platform."""
    seen = nodes.nodes_of(model, subgraph, tensors, weights)
    outputs = set(flatbuffer.ints(model.subgraphs[subgraph].outputs))
    found = xnnpack.support(list(seen.values()), outputs, encoded)
    return {
        index: {"xnnpack_arm": one, "xnnpack_wasm": one, "xnnpack_x86": xnnpack.X86}
        for index, one in zip(seen, found, strict=True)
        if one
    }


def _role(graph, index):
    if index in flatbuffer.ints(graph.inputs):
        return "input"
    return "output" if index in flatbuffer.ints(graph.outputs) else "activation"
