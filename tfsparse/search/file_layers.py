"""Which weights of a TFLite file are the kernel of which Keras layer."""

import contextlib
import dataclasses
import math
import os
import tempfile

import numpy as np

from tfsparse import flatbuffer
from tfsparse.converter.convert import convert
from tfsparse.converter.sparsify import WEIGHTS_INPUT
from tfsparse.prune.blocks import block_magnitudes, spread_blocks
from tfsparse.prune.files.prunable_layers import OPERATORS
from tfsparse.prune.magnitude import keep_largest
from tfsparse.quantize.clusters import k_means

# Converted kernels keep this distance from zero, so that int8 does not round one to it.
_LEAST, _MOST = 0.5, 1.0


@dataclasses.dataclass(frozen=True)
class FileLayer:
    """A Keras layer in a file.

    Attributes:
        name: Path of the layer in its model, such as `"attention/query"`.
        size: Number of weights in its kernel.
        tensors: Indices of the constants that hold the kernel.
        outputs: Names of the outputs of the operators that multiply with it.
    """

    name: str
    size: int
    tensors: tuple[int, ...]
    outputs: tuple[str, ...]


def convert_and_match(model, targets, path, **options):
    """Converts a model to a dense file, and finds the kernels of layers in it.

    A converter renames, transposes, reshapes and scales kernels, but never changes how many of
    their weights are zero. So a second file, in which each kernel has another number of zeros,
    tells which is which.

    Args:
        model: Built Keras model. Its weights are replaced meanwhile, and restored.
        targets: List of `tfsparse.prune.scope.Target`, the layers.
        path: The file to write, with the model's own weights.
        **options: For `tfsparse.convert`.

    Returns:
        A list of a `FileLayer` for each target that has a product of its own in the file. Others
        have none: TensorFlow may compute with them in another way.
    """
    convert(model, path, encoding="none", **options)
    products = _products(flatbuffer.read(path))
    with tempfile.TemporaryDirectory() as folder, _numbered(model, targets) as zeros:
        marked = os.path.join(folder, "marked.tflite")
        convert(model, marked, encoding="none", **options)
        # Tensors may have other numbers there, but products have the same order.
        known = _products(flatbuffer.read(marked))
    if [one.size for one in products] != [one.size for one in known]:
        raise ValueError(
            f"Expected the same operators for all weights of {model.name!r}. TensorFlow converts "
            "it to others if weights are not zero: remove layers that have no effect."
        )
    layers = []
    for target, count in zip(targets, zeros, strict=True):
        size = math.prod(target.kernel.shape)
        own = [
            product
            for product, marks in zip(products, known, strict=True)
            if (marks.zeros, marks.size) == (count, size)
        ]
        if own:
            tensors = tuple(dict.fromkeys(product.tensor for product in own))
            outputs = tuple(product.output for product in own)
            layers.append(FileLayer(target.name, size, tensors, outputs))
    return layers


def with_zeros(model, layers, sparsities, block_size=(1, 1)):
    """Zeroes the smallest weights of layers in a dense TFLite model, in place.

    Args:
        model: A `ModelT` without sparse constants.
        layers: List of `FileLayer`.
        sparsities: The fraction of zeros of each, in [0, 1).
        block_size: Pair of ints, output and input channels that are zero together.
    """
    tensors = model.subgraphs[0].tensors
    for layer, sparsity in zip(layers, sparsities, strict=True):
        for index in layer.tensors:
            values = flatbuffer.constant(model, tensors[index])
            # Output channels are first and input channels last: OHWI and OI.
            block = block_size[0], *[1] * (values.ndim - 2), block_size[1]
            keep = keep_largest(block_magnitudes(np.float32(values), block), sparsity)
            zeroed = np.where(
                spread_blocks(keep, values.shape, block), values, values.dtype.type(0)
            )
            model.buffers[tensors[index].buffer] = flatbuffer.buffer(zeroed)


def with_shared_values(model, layers, bits):
    """Gives the weights of each layer at most 2^bits values, zero among them, in place.

    Args:
        model: A `ModelT` without sparse constants.
        layers: List of `FileLayer`.
        bits: Int.
    """
    tensors = model.subgraphs[0].tensors
    for layer in layers:
        for index in layer.tensors:
            values = np.array(flatbuffer.constant(model, tensors[index]))
            keep = values != 0
            if keep.any():
                centroids, codes = k_means(values[keep], 2**bits - 1)
                values[keep] = centroids[codes]
            model.buffers[tensors[index].buffer] = flatbuffer.buffer(values)


@contextlib.contextmanager
def _numbered(model, targets):
    """Gives each kernel another number of zeros, and yields the numbers."""
    before = model.get_weights()
    rng = np.random.default_rng(0)
    # Small kernels have few: those of equal size are told apart by numbers from 1 upwards.
    sizes = [math.prod(target.kernel.shape) for target in targets]
    zeros, seen = [], {}
    for size in sizes:
        seen[size] = seen.get(size, 0) + 1
        zeros.append(seen[size])
    try:
        for variable in model.variables:
            # Normalization multiplies kernels, and a factor of zero would hide them.
            if variable.path.endswith(("gamma", "moving_variance")):
                variable.assign(np.ones(variable.shape, np.float32))
        for target, count in zip(targets, zeros, strict=True):
            values = rng.uniform(_LEAST, _MOST, target.kernel.shape)
            values *= rng.choice((-1, 1), values.shape)
            values.flat[rng.permutation(values.size)[:count]] = 0
            target.kernel.assign(values)
        yield zeros
    finally:
        model.set_weights(before)


@dataclasses.dataclass(frozen=True)
class _Product:
    """An operator that multiplies with a constant.

    Attributes:
        tensor: Index of the constant.
        output: Name of the operator's output.
        zeros, size: How many of the constant's elements are zero, and all.
    """

    tensor: int
    output: str
    zeros: int
    size: int


def _products(model):
    """Every `_Product` of a model, in its order."""
    graph = model.subgraphs[0]
    found = []
    for operator in graph.operators or ():
        if flatbuffer.operator_name(model, operator) not in OPERATORS:
            continue
        index = flatbuffer.ints(operator.inputs)[WEIGHTS_INPUT]
        if not flatbuffer.is_constant(model, graph.tensors[index]):
            continue
        values = flatbuffer.constant(model, graph.tensors[index])
        output = graph.tensors[flatbuffer.ints(operator.outputs)[0]]
        zeros = values.size - np.count_nonzero(values)
        found.append(_Product(index, flatbuffer.decode_name(output.name), zeros, values.size))
    return found
