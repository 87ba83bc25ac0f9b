"""Read, edit and write TFLite files: the only user of the TFLite schema.

A model is the `ModelT` of the schema's object API, and its parts are edited in place. Whatever is
not edited (metadata, signatures, custom operators) is written as it was read.
"""

import contextlib
import importlib.util
import math
import os
import struct
from pathlib import Path

import flatbuffers
import numpy as np

from tfsparse.converter.encode import CsrLevel, DenseLevel, SparseEncoding, decode, index_dtype

# Offsets in a flatbuffer are signed 32-bit numbers.
MAX_BYTES = 2**31 - 1
# What the runtime's kernels may assume of constants; the schema says force_align: 16.
BUFFER_ALIGNMENT = 16
# Far above any real model, and low enough to refuse a damaged length without reading for minutes.
MAX_TABLES = 100_000
IDENTIFIER = b"TFL3"

SCHEMA_FILES = {
    "ai_edge_litert": "schema_py_generated.py",
    "tensorflow": "lite/python/schema_py_generated.py",
}


def _load_schema():
    """Loads the generated schema from its file: importing its package would load a runtime."""
    for package, file in SCHEMA_FILES.items():
        found = importlib.util.find_spec(package)
        for folder in (found and found.submodule_search_locations) or ():
            path = Path(folder, file)
            if path.is_file():
                spec = importlib.util.spec_from_file_location(f"{__name__}_schema", path)
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    raise ImportError(
        "The TFLite schema was not found. Expected it in one of the packages "
        f"{', '.join(SCHEMA_FILES)}: install one of them."
    )


schema = _load_schema()

DTYPES = {
    schema.TensorType.FLOAT32: np.dtype(np.float32),
    schema.TensorType.FLOAT16: np.dtype(np.float16),
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.UINT8: np.dtype(np.uint8),
    schema.TensorType.INT16: np.dtype(np.int16),
    schema.TensorType.INT32: np.dtype(np.int32),
    schema.TensorType.INT64: np.dtype(np.int64),
    schema.TensorType.BOOL: np.dtype(np.bool_),
    schema.TensorType.FLOAT64: np.dtype(np.float64),
}
_OPERATOR_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()
}
_INDEX_VECTORS = {
    np.dtype(np.uint8): (schema.SparseIndexVector.Uint8Vector, schema.Uint8VectorT),
    np.dtype(np.uint16): (schema.SparseIndexVector.Uint16Vector, schema.Uint16VectorT),
    np.dtype(np.int32): (schema.SparseIndexVector.Int32Vector, schema.Int32VectorT),
}


def read(path):
    """Reads a TFLite file.

    Args:
        path: Path of the file.

    Returns:
        The model, a `ModelT` of the schema's object API.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a whole TFLite file, or larger than 2 GB.
    """
    size = os.path.getsize(path)
    if size > MAX_BYTES:
        raise ValueError(f"Expected a TFLite file of at most 2 GB. Received: {path}, {size} bytes")
    return parse(Path(path).read_bytes(), source=os.fspath(path))


def parse(data, source="<bytes>"):
    """Parses the bytes of a TFLite file; `source` names them in errors. See `read`."""
    if len(data) < 8 or bytes(data[4:8]) != IDENTIFIER:
        raise ValueError(
            f"Expected a TFLite file, which has {IDENTIFIER.decode()!r} at byte 4. "
            f"Received: {source}, {len(data)} bytes, {bytes(data[:8])!r}..."
        )
    try:
        root = schema.Model.GetRootAs(data, 0)
        _check_lengths(root)
        model = schema.ModelT.InitFromObj(root)
        _check_references(model)
        _take_in_outlying_data(model, data)
    # What the generated readers raise when an offset or a length points outside of the data.
    except (struct.error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
        raise ValueError(
            f"The TFLite file is damaged or cut short: {source}, {len(data)} bytes ({e})"
        ) from e
    return model


def _check_lengths(root):
    lengths = [root.OperatorCodesLength(), root.BuffersLength(), root.SubgraphsLength()]
    if max(lengths) <= MAX_TABLES:
        for i in range(root.SubgraphsLength()):
            subgraph = root.Subgraphs(i)
            lengths += [subgraph.TensorsLength(), subgraph.OperatorsLength()]
            if sum(lengths) > MAX_TABLES:
                break
    if sum(lengths) > MAX_TABLES:
        raise ValueError(f"it claims to hold {sum(lengths)} tables")


def _check_references(model):
    """Checks that the indices in a model point to something, so that its users need not."""
    if not model.subgraphs or not model.buffers:
        raise ValueError("it holds no subgraph or no buffers")
    codes = len(model.operatorCodes or ())
    for subgraph in model.subgraphs:
        tensors = len(subgraph.tensors or ())
        for tensor in subgraph.tensors or ():
            if not 0 <= tensor.buffer < len(model.buffers):
                raise ValueError(f"tensor {tensor.name} has no buffer {tensor.buffer}")
        for operator in subgraph.operators or ():
            if not 0 <= operator.opcodeIndex < codes:
                raise ValueError(f"there is no operator code {operator.opcodeIndex}")
            for index in (*_ints(operator.inputs), *_ints(operator.outputs)):
                if not -1 <= index < tensors:
                    raise ValueError(f"an operator names tensor {index} of {tensors}")


def _take_in_outlying_data(model, data):
    """Moves data that follows the flatbuffer in the file, as large models have it, into it."""

    def outlying(offset, size):
        if offset + size > len(data):
            raise ValueError(f"data at {offset} is missing")
        return np.frombuffer(data, np.uint8, size, offset)

    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = outlying(buffer.offset, buffer.size)
            buffer.offset = buffer.size = 0
    for subgraph in model.subgraphs:
        for op in subgraph.operators or ():
            if op.largeCustomOptionsOffset > 1:
                op.customOptions = outlying(op.largeCustomOptionsOffset, op.largeCustomOptionsSize)
                op.largeCustomOptionsOffset = op.largeCustomOptionsSize = 0


def serialize(model):
    """The bytes of a TFLite file that holds `model`.

    Raises:
        ValueError: If they would be more than 2 GB.
    """
    size = sum(len(_bytes(buffer)) for buffer in model.buffers)
    too_large = (
        f"A TFLite file holds at most 2 GB. Received: a model with {size} bytes of constants"
    )
    if size > MAX_BYTES:
        raise ValueError(too_large)
    buffers = model.buffers
    model.buffers = [_AlignedBuffer(buffer) for buffer in buffers]
    builder = flatbuffers.Builder(min(size + size // 8 + 4096, MAX_BYTES))
    try:
        builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    except flatbuffers.builder.BuilderSizeError as e:
        raise ValueError(too_large) from e
    finally:
        model.buffers = buffers
    return bytes(memoryview(builder.Bytes)[builder.Head() :])


class _AlignedBuffer:
    """Packs a buffer as the schema wants it aligned, which the generated code does not."""

    def __init__(self, buffer):
        self._buffer = buffer

    def Pack(self, builder):
        data = _bytes(self._buffer)
        if len(data):
            builder.StartVector(1, len(data), BUFFER_ALIGNMENT)
            start = builder.head - len(data)
            builder.Bytes[start : builder.head] = data.tobytes()
            builder.head = start
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if len(data):
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def operator_name(model, operator):
    """The name of an operator in the schema, such as `CONV_2D`; `CUSTOM` for a custom one."""
    code = model.operatorCodes[operator.opcodeIndex]
    # Old files have the code in a field of 8 bits, new files in both.
    return builtin_name(max(code.builtinCode, code.deprecatedBuiltinCode))


def builtin_name(code):
    """The name in the schema of a builtin operator's code."""
    return _OPERATOR_NAMES.get(code, "UNKNOWN")


def dtype_name(tensor):
    """The numpy name of a tensor's type; `None` if numpy has none."""
    dtype = DTYPES.get(tensor.type)
    return dtype and dtype.name


def constant(model, tensor):
    """The dense value of a constant tensor, a numpy array; `None` if the tensor is no constant.

    Raises:
        ValueError: If the buffer or the sparsity metadata contradict the tensor's shape, or its
            type is none of `DTYPES`.
    """
    data, shape = _bytes(model.buffers[tensor.buffer]), _ints(tensor.shape)
    if not len(data):
        return None
    values, size = _typed(data, tensor), math.prod(shape)
    if tensor.sparsity is not None and size * values.itemsize <= MAX_BYTES:
        return decode(sparse_encoding(model, tensor))
    if values.size != size:
        raise ValueError(f"Tensor {tensor.name} has {values.size} values for the shape {shape}.")
    return values.reshape(shape)


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
            segments, indices = metadata.arraySegments.values, metadata.arrayIndices.values
            levels.append(CsrLevel(*(np.asarray(_ints(a), np.int64) for a in (segments, indices))))
    return SparseEncoding(
        shape=_ints(tensor.shape),
        traversal_order=_ints(sparsity.traversalOrder),
        block_map=_ints(sparsity.blockMap),
        levels=tuple(levels),
        values=_typed(_bytes(model.buffers[tensor.buffer]), tensor),
    )


def order_inputs_and_outputs(model, inputs, outputs):
    """Puts the inputs and outputs of the main subgraph in an order, given by signature names.

    A list of names that is not the signature's, such as one with a name that TensorFlow had to
    change, leaves the order as it is.
    """
    (signature,) = model.signatureDefs
    subgraph = model.subgraphs[signature.subgraphIndex]

    def ordered(names, maps, indices):
        by_name = {entry.name.decode(): entry.tensorIndex for entry in maps}
        wanted = [by_name.get(name, -1) for name in names]
        return wanted if sorted(wanted) == sorted(_ints(indices)) else indices

    subgraph.inputs = ordered(inputs, signature.inputs or (), subgraph.inputs)
    subgraph.outputs = ordered(outputs, signature.outputs or (), subgraph.outputs)


def replace_by_densify(model, subgraph, index, encoding, position):
    """Makes the constant tensor `index` the output of a DENSIFY operator on a sparse constant.

    The tensor keeps its index, so that its consumers need no edit; its buffer is left to the
    sparse constant.

    Args:
        model: The model to edit.
        subgraph: The subgraph of `model` that holds the tensor.
        index: Index of the tensor in the subgraph.
        encoding: `SparseEncoding` of the tensor's value.
        position: Index of the operator before which the DENSIFY goes.
    """
    dense = subgraph.tensors[index]
    sparse = schema.TensorT(
        shape=dense.shape,
        type=dense.type,
        buffer=dense.buffer,
        name=(dense.name or b"") + b"_sparse",
        hasRank=dense.hasRank,
        sparsity=_sparsity_parameters(encoding),
    )
    model.buffers[dense.buffer].data = encoding.values.view(np.uint8)
    dense.buffer = 0  # by the schema an empty buffer, for tensors that are no constants
    subgraph.tensors.append(sparse)
    densify = schema.OperatorT(
        opcodeIndex=operator_code(model, schema.BuiltinOperator.DENSIFY),
        inputs=[len(subgraph.tensors) - 1],
        outputs=[index],
    )
    subgraph.operators.insert(position, densify)


def operator_code(model, builtin):
    """The index in a model of a builtin operator's code, which is added where it is missing."""
    for i, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
            return i
    model.operatorCodes.append(
        schema.OperatorCodeT(deprecatedBuiltinCode=builtin, builtinCode=builtin, version=1)
    )
    return len(model.operatorCodes) - 1


def _sparsity_parameters(encoding):
    return schema.SparsityParametersT(
        traversalOrder=list(encoding.traversal_order),
        blockMap=list(encoding.block_map) or None,
        dimMetadata=[_dimension_metadata(level) for level in encoding.levels],
    )


def _dimension_metadata(level):
    if isinstance(level, DenseLevel):
        return schema.DimensionMetadataT(format=schema.DimensionType.DENSE, denseSize=level.size)
    metadata = schema.DimensionMetadataT(format=schema.DimensionType.SPARSE_CSR)
    metadata.arraySegmentsType, metadata.arraySegments = _index_vector(level.segments)
    metadata.arrayIndicesType, metadata.arrayIndices = _index_vector(level.indices)
    return metadata


def _index_vector(array):
    dtype = index_dtype(array)
    kind, vector = _INDEX_VECTORS[dtype]
    return kind, vector(array.astype(dtype))


def _typed(data, tensor):
    if tensor.type not in DTYPES:
        raise ValueError(f"Tensor {tensor.name} has type {tensor.type}, none that numpy has.")
    with contextlib.suppress(ValueError):
        return data.view(DTYPES[tensor.type])
    raise ValueError(f"Tensor {tensor.name} has {len(data)} bytes, no multiple of its item size.")


def _bytes(buffer):
    data = buffer.data
    return np.asarray([] if data is None else data, np.uint8)


def _ints(vector):
    # numpy arrays from a file, lists from an edit, 0 or None where the file has none
    return tuple(int(i) for i in vector) if np.ndim(vector) else ()
