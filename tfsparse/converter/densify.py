"""`tfsparse.densify`: converts a sparse TFLite file to a dense one."""

import collections
import os
from pathlib import Path

import numpy as np

from tfsparse import flatbuffer
from tfsparse.annotations import PathLike
from tfsparse.converter.workarounds import int8_dense, paddings
from tfsparse.files import check_writable, write_atomically


def densify(source: PathLike, destination: PathLike) -> str:
    """Writes a TFLite file with all sparse constants dense: the same values, zeros included.

    It decodes files of `tfsparse.convert` and of other tools, for runtimes that refuse sparse
    tensors. DENSIFY operators are removed; nothing else changes. A file without
    sparse constants is copied.

    Args:
        source: PathLike of a `.tflite` file.
        destination: PathLike of the dense file; it may be `source`. It is written completely or not
            at all.

    Returns:
        `destination`, as a string.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If `source` is no TFLite file, or its sparse constants are inconsistent.

    Example:

    >>> tfsparse.densify("model.tflite", "dense.tflite")
    'dense.tflite'
    """
    destination = check_writable(destination)
    data = Path(source).read_bytes()
    model = flatbuffer.parse(data, os.fspath(source))
    try:
        pieces = flatbuffer.pieces(model) if densify_model(model) else [data]
    except ValueError as e:
        raise ValueError(f"Cannot make {source} dense: {e}") from e
    write_atomically(destination, *pieces)
    return destination


def densify_model(model):
    """Makes all sparse constants of a model dense, and removes the DENSIFY operators.

    Args:
        model: A `ModelT` as `tfsparse.flatbuffer` reads it, which is edited in place.

    Returns:
        The number of constants that were sparse.
    """
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors or ()]
    sparse = [tensor for tensor in tensors if tensor.sparsity is not None]
    if sparse:
        if not flatbuffer.operators_may_change(model):
            raise ValueError(
                "its metadata counts on the operators that it has. Convert the model that the file "
                "was made from."
            )
        _make_dense(model, tensors, sparse)
        for subgraph in model.subgraphs:
            _remove_densify_operators(model, subgraph, sparse)
        int8_dense.to_dense_layers(model)
        paddings.join_paddings(model)
        flatbuffer.remove_unused_codes(model, ("DENSIFY", "RESHAPE", "CONV_2D"))
    return len(sparse)


def _make_dense(model, tensors, sparse):
    sharers = collections.defaultdict(list)
    for tensor in tensors:
        sharers[tensor.buffer].append(tensor)
    for buffer in {tensor.buffer: None for tensor in sparse}:
        dense = [(t, _dense_buffer(model, t)) for t in sharers[buffer] if t.sparsity is not None]
        content = dense[0][1]
        # Tensors that share a buffer are usually one layer in several signatures.
        if len(dense) == len(sharers[buffer]):
            model.buffers[buffer].data = content.data
            dense = [(t, own) for t, own in dense if not np.array_equal(own.data, content.data)]
        for tensor, own in dense:
            tensor.buffer = len(model.buffers)
            model.buffers.append(own)
    for tensor in sparse:
        tensor.sparsity = None


def _dense_buffer(model, tensor):
    value = flatbuffer.constant(model, tensor)
    if value is None:
        raise ValueError(f"the sparse tensor {tensor.name} has no values")
    return flatbuffer.buffer(value)


def _remove_densify_operators(model, subgraph, sparse):
    were_sparse = {id(tensor) for tensor in sparse}
    for operator in list(subgraph.operators or ()):
        if flatbuffer.operator_name(model, operator) != "DENSIFY":
            continue
        inputs, outputs = flatbuffer.ints(operator.inputs), flatbuffer.ints(operator.outputs)
        if len(inputs) != 1 or len(outputs) != 1 or min(*inputs, *outputs) < 0:
            raise ValueError("a DENSIFY operator has no input or no output")
        if id(subgraph.tensors[inputs[0]]) in were_sparse:
            flatbuffer.remove_densify(subgraph, operator)
    named = {*flatbuffer.ints(subgraph.inputs), *flatbuffer.ints(subgraph.outputs)}
    for operator in subgraph.operators or ():
        named.update((*flatbuffer.ints(operator.inputs), *flatbuffer.ints(operator.outputs)))
    unused = {
        index
        for index, tensor in enumerate(subgraph.tensors or ())
        if index not in named and id(tensor) in were_sparse
    }
    if unused:
        flatbuffer.remove_tensors(model, subgraph, unused)
