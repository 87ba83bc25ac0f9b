"""The values of constant tensors, dense or sparse."""

import contextlib
import math

import numpy as np

from tfsparse.flatbuffer.definitions import DTYPES, MAX_BYTES, ints, schema
from tfsparse.flatbuffer.encoding import CsrLevel, DenseLevel, SparseEncoding, decode, index_dtype

_INDEX_VECTORS = {
    np.dtype(np.uint8): (schema.SparseIndexVector.Uint8Vector, schema.Uint8VectorT),
    np.dtype(np.uint16): (schema.SparseIndexVector.Uint16Vector, schema.Uint16VectorT),
    np.dtype(np.int32): (schema.SparseIndexVector.Int32Vector, schema.Int32VectorT),
}


def constant(model, tensor):
    """The dense value of a constant tensor, a numpy array; `None` if the tensor is no constant.

    Raises:
        ValueError: If the buffer or the sparsity metadata contradict the tensor's shape, or its
            type is none of `DTYPES`.
    """
    if not is_constant(model, tensor):
        return None
    data, shape = buffer_bytes(model.buffers[tensor.buffer]), ints(tensor.shape)
    values, size = _typed(data, tensor), math.prod(shape)
    if tensor.sparsity is not None and size * values.itemsize <= MAX_BYTES:
        return decode(sparse_encoding(model, tensor))
    if values.size != size:
        raise ValueError(f"Tensor {tensor.name} has {values.size} values for the shape {shape}.")
    return values.reshape(shape)


def is_constant(model, tensor):
    """Whether a tensor has its value in the file."""
    return len(buffer_bytes(model.buffers[tensor.buffer])) > 0


def sparse_encoding(model, tensor):
    """The `SparseEncoding` of a tensor; `None` if the tensor is dense.

    The encoding is as the file has it: `decode` checks it.
    """
    sparsity = tensor.sparsity
    if sparsity is None:
        return None
    levels = []
    for metadata in sparsity.dimMetadata or ():
        if metadata.format == schema.DimensionType.DENSE:
            levels.append(DenseLevel(metadata.denseSize))
        elif metadata.arraySegments is None or metadata.arrayIndices is None:
            raise ValueError(f"Tensor {tensor.name} has a sparse dimension without indices.")
        else:
            vectors = metadata.arraySegments.values, metadata.arrayIndices.values
            levels.append(CsrLevel(*(_index_array(vector) for vector in vectors)))
    return SparseEncoding(
        shape=ints(tensor.shape),
        traversal_order=ints(sparsity.traversalOrder),
        block_map=ints(sparsity.blockMap),
        levels=tuple(levels),
        values=_typed(buffer_bytes(model.buffers[tensor.buffer]), tensor),
    )


def sparsity_parameters(encoding):
    """The schema's description of a `SparseEncoding`, all but its values."""
    return schema.SparsityParametersT(
        traversalOrder=list(encoding.traversal_order),
        blockMap=list(encoding.block_map) or None,
        dimMetadata=[_dimension_metadata(level) for level in encoding.levels],
    )


def buffer(array):
    """A buffer that holds an array."""
    return schema.BufferT(data=np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def buffer_bytes(buffer):
    """The content of a buffer as an array of bytes, empty where it has none."""
    data = buffer.data
    return np.asarray([] if data is None else data, np.uint8)


def _dimension_metadata(level):
    if isinstance(level, DenseLevel):
        return schema.DimensionMetadataT(format=schema.DimensionType.DENSE, denseSize=level.size)
    metadata = schema.DimensionMetadataT(format=schema.DimensionType.SPARSE_CSR)
    metadata.arraySegmentsType, metadata.arraySegments = _index_vector(level.segments)
    metadata.arrayIndicesType, metadata.arrayIndices = _index_vector(level.indices)
    return metadata


def _index_array(vector):
    return np.asarray([] if vector is None else vector).astype(np.int64)


def _index_vector(array):
    dtype = index_dtype(array.max(initial=0))
    kind, vector = _INDEX_VECTORS[dtype]
    return kind, vector(array.astype(dtype, copy=False))


def _typed(data, tensor):
    if tensor.type not in DTYPES:
        raise ValueError(f"Tensor {tensor.name} has type {tensor.type}, none that numpy has.")
    with contextlib.suppress(ValueError):
        return data.view(DTYPES[tensor.type])
    raise ValueError(f"Tensor {tensor.name} has {len(data)} bytes, no multiple of its item size.")
