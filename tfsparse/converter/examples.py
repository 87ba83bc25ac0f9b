"""Typical inputs of a model, as its user has them, to what its interpreter takes."""

import numpy as np

from tfsparse import flatbuffer


def inputs_of(model):
    """Name, shape, with -1 where it is open, and dtype of each input of the first subgraph.

    Names are those of the signature where there is one.
    """
    graph = model.subgraphs[0]
    names = {
        entry.tensorIndex: entry.name
        for signature in model.signatureDefs or ()
        if signature.subgraphIndex == 0
        for entry in signature.inputs or ()
    }
    return [
        _input(graph.tensors[index], names.get(index)) for index in flatbuffer.ints(graph.inputs)
    ]


def _input(tensor, name):
    name = ((name or tensor.name) or b"").decode(errors="replace")
    shape = flatbuffer.ints(tensor.shapeSignature) or flatbuffer.ints(tensor.shape)
    dtype = flatbuffer.DTYPES.get(tensor.type)
    if dtype is None or not shape:
        raise ValueError(f"its input {name} is not an array of numbers")
    return name, shape, dtype


def read(data, inputs):
    """The examples in some data.

    Args:
        data: An iterable of examples or of batches, or a function that returns one. Each is an
            array, or for several inputs a list or tuple in their order, or a dictionary by name.
        inputs: For each input its name, its shape, with -1 where that is open, and its dtype.

    Returns:
        A list of examples, each a list of arrays, one an input, of the dtype of that input. Arrays
        that need no conversion are views of the data.

    Raises:
        TypeError: `data` is no iterable.
        ValueError: There is no example, or one that does not fit.
    """
    items = data() if callable(data) else data
    if isinstance(items, str | bytes) or not hasattr(items, "__iter__"):
        raise TypeError(
            "Expected data to be an array of examples, another iterable of them, or a function "
            f"that returns one. Received: {type(items)}"
        )
    if len(inputs) == 1 and isinstance(items, dict):
        raise TypeError(f"Expected data to be an iterable of examples. Received: {type(items)}")
    examples = [example for item in items for example in _examples(item, inputs)]
    if not examples:
        raise ValueError("Expected data with at least one example. Received: none.")
    return examples


def _examples(item, inputs):
    names = [name for name, _, _ in inputs]
    if isinstance(item, dict):
        if set(item) != set(names):
            raise ValueError(f"Expected examples with the inputs {names}. Received: {list(item)}")
        item = [item[name] for name in names]
    elif len(inputs) == 1 and not isinstance(item, list | tuple):
        item = [item]
    if len(item) != len(inputs):
        raise ValueError(
            f"Expected examples of {len(inputs)} arrays, for {names}. Received: {len(item)}"
        )
    arrays = [_checked(array, *one) for array, one in zip(item, inputs, strict=True)]
    counts = {len(parts) for parts in arrays}
    if len(counts) > 1:
        raise ValueError(f"Expected batches of one size. Received: {sorted(counts)} examples")
    return [list(parts) for parts in zip(*arrays, strict=True)]


def _checked(array, name, shape, dtype):
    """The examples in an array, a list of arrays that fit the shape."""
    array = np.asarray(array)
    if array.dtype.kind not in "biuf" or (array.dtype.kind == "f" and dtype.kind != "f"):
        raise ValueError(f"Expected {dtype} numbers for input {name}. Received: {array.dtype}")
    if array.ndim == len(shape) - 1:
        array = array[None]
    if shape[0] in (1, -1) and array.ndim == len(shape):
        parts = np.split(array, len(array)) if len(array) else []
    else:
        parts = [array]
    for part in parts:
        if part.ndim != len(shape) or any(
            size not in (-1, own) for size, own in zip(shape, part.shape, strict=True)
        ):
            raise ValueError(
                f"Expected examples of shape {tuple(shape)} for input {name}"
                f"{', -1 being any size' if -1 in shape else ''}. Received: {array.shape}"
            )
        if not np.isfinite(part).all():
            raise ValueError(f"Expected finite numbers for input {name}. Received: NaN or infinity")
    return [part.astype(dtype, copy=False) for part in parts]
