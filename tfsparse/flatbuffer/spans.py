"""Where the arrays of numbers are in the bytes of a TFLite file."""

import dataclasses

import numpy as np

from tfsparse.flatbuffer.constants import buffer_bytes
from tfsparse.flatbuffer.definitions import DTYPES


@dataclasses.dataclass(frozen=True)
class Span:
    """An array in a file.

    Attributes:
        start: Int, its first byte.
        size: Int, its bytes.
        item_size: Int, bytes of each number.
        is_index: Bool, whether it has segments or indices of a sparse constant.
    """

    start: int
    size: int
    item_size: int
    is_index: bool


def array_spans(data, model):
    """Returns where the constants and the indices of sparse constants are in a file.

    Args:
        data: Array of uint8, the bytes of the file.
        model: The `ModelT` that `parse` made of the same memory.

    Returns:
        List of `Span` in the order of the file; none overlaps another one.
    """
    found = {}
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors or ()]
    for tensor in tensors:
        if tensor.type in DTYPES:
            content = buffer_bytes(model.buffers[tensor.buffer])
            _add(found, data, content, DTYPES[tensor.type].itemsize, False)
        for vector in _index_vectors(tensor):
            _add(found, data, vector, vector.dtype.itemsize, True)
    spans, end = [], 0
    for start in sorted(found):
        if start >= end:
            spans.append(found[start])
            end = start + found[start].size
    return spans


def _add(found, data, array, item_size, is_index):
    """Notes an array if it is a part of the file's bytes, whole numbers of it."""
    start = array.ctypes.data - data.ctypes.data
    if array.nbytes and not array.nbytes % item_size and 0 <= start <= len(data) - array.nbytes:
        found[start] = Span(start, array.nbytes, item_size, is_index)


def _index_vectors(tensor):
    metadata = (tensor.sparsity and tensor.sparsity.dimMetadata) or ()
    vectors = [v for m in metadata for v in (m.arraySegments, m.arrayIndices) if v is not None]
    return [v.values for v in vectors if isinstance(v.values, np.ndarray)]
