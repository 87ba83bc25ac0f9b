"""Converts calibration data to the inputs of a model's interpreter."""

import collections
import itertools

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


def shape_of(tensor):
    """The shape of a tensor, with -1 where it is open."""
    return flatbuffer.ints(tensor.shapeSignature) or flatbuffer.ints(tensor.shape)


def _input(tensor, name):
    name = ((name or tensor.name) or b"").decode(errors="replace")
    dtype = flatbuffer.DTYPES.get(tensor.type)
    if dtype is None:
        raise ValueError(f"its input {name} is not an array of numbers")
    return name, shape_of(tensor), dtype


def read(dataset, inputs, *, are_in_order=True):
    """The examples in a representative dataset, in batches of the model's own size.

    The first dimension of every input is that of the batch, if it is the same for all. Items of the
    data may then be single examples, or batches of any size. Where the model takes batches of
    several examples, the last one is filled up with examples that were there already. Inputs of
    which the first dimensions differ are taken whole.

    Args:
        dataset: An iterable of examples or of batches, or a function that returns one. Each is an
            array, or for several inputs a list or tuple in their order, or a dictionary by name.
            A dictionary of arrays is one batch.
        inputs: For each input its name, its shape, with -1 where that is open, and its dtype.
        are_in_order: Whether `inputs` have the order that the user knows. If not, examples of
            several inputs must be dictionaries.

    Returns:
        A list of batches, each a list of arrays, one for each input, of the dtype of that input.
        Arrays that need no conversion are views of the data.

    Raises:
        TypeError: `dataset` is no iterable.
        ValueError: There is no example, one that does not fit, or no end.
    """
    batch_size = _batch_size(inputs)
    items = _items(dataset)
    if len(inputs) > 1 and not are_in_order:
        items = _dictionaries(items, [name for name, _, _ in inputs])
    read_items = [_read(item, inputs, batch_size) for item in items]
    examples = [example for read_item in read_items for example in read_item]
    if not examples:
        raise ValueError(
            "Expected a representative_dataset with at least one example. Received: none."
        )
    return examples if batch_size in (None, 1) else _batches(examples, batch_size)


def _items(dataset):
    items = dataset() if callable(dataset) else dataset
    if isinstance(items, dict):
        return [items]
    if isinstance(items, str | bytes) or not hasattr(items, "__iter__"):
        raise TypeError(
            "Expected representative_dataset to be an array of examples, another iterable of them, "
            f"or a function that returns one. Received: {type(items)}"
        )
    # tf.data's constant of that name, for which TensorFlow need not be imported.
    infinite = -1
    if hasattr(items, "cardinality") and int(items.cardinality()) == infinite:
        raise ValueError(
            f"Expected a representative_dataset that ends. Received: {items}, which repeats "
            "without end. Take some of it, such as .take(100)."
        )
    return items


def _dictionaries(items, names):
    """Yields the items, which must be dictionaries."""
    for item in items:
        if not isinstance(item, dict):
            raise ValueError(
                f"Expected a representative_dataset of dictionaries of the inputs {names} by name, "
                "as the order of the model's inputs is not known. Received: "
                f"{type(item).__name__}. "
                f"Give {{{', '.join(f'{name!r}: ...' for name in names)}}} for each."
            )
        yield item


def _batch_size(inputs):
    """The size of a model's batch, 1 where it is open; `None` if its inputs have none in common."""
    sizes = {shape[0] for _, shape, _ in inputs if shape} - {-1}
    return None if len(sizes) > 1 else next(iter(sizes), 1)


def _read(item, inputs, batch_size):
    """The examples in an item of the data, each a list of arrays, one an input."""
    names = [name for name, _, _ in inputs]
    if isinstance(item, dict):
        if set(item) != set(names):
            raise ValueError(f"Expected examples with the inputs {names}. Received: {list(item)}")
        item = [item[name] for name in names]
    elif len(inputs) == 1 and not isinstance(item, list | tuple):
        item = [item]
    is_sequence = isinstance(item, list | tuple)
    if not is_sequence or len(item) != len(inputs):
        raise ValueError(
            f"Expected examples of {len(inputs)} arrays, for {names}, without labels. Received: "
            f"{len(item) if is_sequence else type(item).__name__}. Arrays of all examples go into "
            "one dictionary, by name."
        )
    arrays = [
        _checked(array, name, shape, dtype, batch_size)
        for array, (name, shape, dtype) in zip(item, inputs, strict=True)
    ]
    if batch_size is None:
        return [arrays]
    counts = {len(array) for array, (_, shape, _) in zip(arrays, inputs, strict=True) if shape}
    if len(counts) > 1:
        raise ValueError(f"Expected batches of one size. Received: {sorted(counts)} examples")
    count = counts.pop() if counts else 1
    # An input without dimensions is the same for all examples of a batch.
    return [
        [
            array[i : i + 1] if shape else array
            for array, (_, shape, _) in zip(arrays, inputs, strict=True)
        ]
        for i in range(count)
    ]


def _checked(array, name, shape, dtype, batch_size):
    """The array of an item, with the dimension of the batch and in the dtype of its input."""
    array = np.asarray(array)
    received = array.shape
    if shape and array.ndim == len(shape) - 1:
        array = array[None]
    sizes = array.shape if batch_size is None else (*shape[:1], *array.shape[1:])
    if array.ndim != len(shape) or any(
        size not in (-1, own) for size, own in zip(shape, sizes, strict=True)
    ):
        raise ValueError(
            f"Expected examples of shape {tuple(shape)} for input {name}"
            f"{', -1 being any size' if -1 in shape else ''}. Received: {received}"
        )
    return _converted(array, name, dtype)


def _converted(array, name, dtype):
    """The array in another dtype, of which the numbers are the same."""
    are_integers = array.dtype.kind in "iu" and dtype.kind in "iu"
    if not are_integers and not np.can_cast(array.dtype, dtype, "same_kind"):
        raise ValueError(f"Expected {dtype} numbers for input {name}. Received: {array.dtype}")
    with np.errstate(over="ignore"):
        converted = array.astype(dtype, copy=False)
    if dtype.kind == "f" and not np.isfinite(converted).all():
        raise ValueError(
            f"Expected finite numbers for input {name}. Received: NaN, infinity, or numbers beyond "
            f"{dtype}"
        )
    if are_integers and not np.array_equal(converted, array):
        raise ValueError(
            f"Expected {dtype} numbers for input {name}. Received: numbers from {array.min()} to "
            f"{array.max()}"
        )
    return converted


def _batches(examples, batch_size):
    """Examples of one shape together in batches, the last of which is filled up with the first."""
    by_shapes = collections.defaultdict(list)
    for example in examples:
        by_shapes[tuple(array.shape for array in example)].append(example)
    batches = []
    for alike in by_shapes.values():
        for start in range(0, len(alike), batch_size):
            chosen = itertools.islice(itertools.cycle(alike), start, start + batch_size)
            batches.append([_joined(arrays) for arrays in zip(*chosen, strict=True)])
    return batches


def _joined(arrays):
    return np.concatenate(arrays) if arrays[0].ndim else arrays[0]
