"""The tensors of a TFLite file, and their bytes."""

import dataclasses
import zlib

import numpy as np

from tfsparse import flatbuffer
from tfsparse.flatbuffer.constants import buffer_bytes
from tfsparse.flatbuffer.encoding import CsrLevel, decode
from tfsparse.inspection.values import may_repeat, name_values
from tfsparse.inspection.zeros import CHUNK, Zeros, count_zeros, find_zeros

# That of the command gzip, and of web servers that compress what they send.
GZIP_LEVEL = 6
_GZIP_FORMAT = 31  # zlib's number for a header and a checksum of gzip


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a file.

    Attributes:
        subgraph, index: Its position in the file.
        buffer: The index of the buffer with its values, which several tensors may share.
        name: Its name.
        shape: Its shape. Open dimensions are those of a run, if there was one, else 1.
        is_sized: Whether no dimension but the batch is open, or a run has shown them.
        dtype: The numpy name of its type, or "other".
        role: "constant", "input", "output" or "activation".
        encoding: How a constant is stored: "dense", "CSR" or "CSR, 4x1x1x1 blocks"; else `None`.
        zeros: The `Zeros` of a constant of numbers, or `None`.
        values: What the values of a constant have in common: "ternary", "binary", "powers of two",
            "16 clusters", "fixed point" (int8 with scales that are powers of two), or nothing.
        value_bytes, index_bytes: Bytes in the file of the values, and of their indices. A buffer
            that several tensors share counts for the first of them.
        gzip_bytes: Bytes of both, compressed by gzip.
        dense_bytes: Bytes of the values without an encoding.
    """

    subgraph: int
    index: int
    buffer: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    role: str
    encoding: str | None = None
    zeros: Zeros | None = None
    values: str = ""
    value_bytes: int = 0
    index_bytes: int = 0
    gzip_bytes: int = 0
    dense_bytes: int = 0
    is_sized: bool = True

    @property
    def sparsity(self):
        """Fraction of zeros, or `None` where they are not known."""
        return self.zeros and self.zeros.sparsity

    @property
    def structure(self):
        """What the zeros have in common, see `Zeros`; empty where they are not known."""
        return self.zeros.structure if self.zeros else ""

    @property
    def is_encoded(self):
        """Whether it is a constant that is stored sparse."""
        return self.encoding not in (None, "dense")

    @property
    def bytes(self):
        """Bytes in the file."""
        return self.value_bytes + self.index_bytes

    def to_dict(self):
        """Everything as numbers, strings, lists and dictionaries."""
        found = dataclasses.asdict(self)
        found["shape"] = list(self.shape)
        found["bytes"] = self.bytes
        found["sparsity"] = self.sparsity
        found["structure"] = self.structure
        return found


def gzip_size(*arrays):
    """The bytes that arrays take one after the other when gzip compresses them."""
    pieces = (memoryview(np.ascontiguousarray(array)).cast("B") for array in arrays)
    return _gzip_size(
        piece[start : start + CHUNK] for piece in pieces for start in range(0, len(piece), CHUNK)
    )


def gzip_file_size(path):
    """The bytes that a file takes when gzip compresses it."""
    with open(path, "rb") as file:
        return _gzip_size(iter(lambda: file.read(CHUNK), b""))


def _gzip_size(pieces):
    compressor = zlib.compressobj(GZIP_LEVEL, wbits=_GZIP_FORMAT)
    return sum(len(compressor.compress(piece)) for piece in pieces) + len(compressor.flush())


def describe(
    model, subgraph_index, index, *, role, channels_last=False, shared=False, batch_is_open=False
):
    """Returns the `Tensor` of one tensor of a model.

    Args:
        model: A `ModelT`, as `flatbuffer.read` returns it.
        subgraph_index, index: Which tensor.
        role: "input", "output" or "activation", unless it is a constant.
        channels_last: Whether its last dimension are the output channels, as of depthwise
            convolutions.
        shared: Whether an earlier tensor counts the bytes of its buffer.
        batch_is_open: Whether an open first dimension is the batch, which counts as 1.

    Raises:
        ValueError: The file's data about the tensor is inconsistent.
    """
    tensor = model.subgraphs[subgraph_index].tensors[index]
    data = buffer_bytes(model.buffers[tensor.buffer])
    facts = {
        "subgraph": subgraph_index,
        "index": index,
        "buffer": tensor.buffer,
        "name": flatbuffer.decode_name(tensor.name),
        "shape": flatbuffer.ints(tensor.shape),
        "dtype": flatbuffer.dtype_name(tensor) or "other",
        "role": "constant" if len(data) else role,
        "is_sized": -1 not in signature(tensor)[1 if batch_is_open else 0 :],
    }
    if not len(data):
        return Tensor(**facts)
    indices = _index_arrays(tensor)
    facts["encoding"], kept = "dense", None
    encoding = flatbuffer.sparse_encoding(model, tensor)
    if flatbuffer.dtype_name(tensor):
        kept, facts["dense_bytes"] = _kept(model, tensor, encoding)
        facts["zeros"] = _find_zeros(kept, channels_last)
        facts["values"] = _name_values(model, tensor, encoding, kept, channels_last)
    if encoding is not None:
        facts["encoding"] = encoding_name(encoding)
    if not shared:
        facts["value_bytes"] = len(data)
        facts["index_bytes"] = sum(array.nbytes for array in indices)
        facts["gzip_bytes"] = gzip_size(*indices, data)
    return Tensor(**facts)


def signature(tensor):
    """The shape of a tensor of a file, with -1 for sizes that it leaves open."""
    return flatbuffer.ints(tensor.shapeSignature) or flatbuffer.ints(tensor.shape)


def mask(model, tensor):
    """Where a constant is not zero: a Boolean array of its dense shape."""
    return _kept(model, tensor, flatbuffer.sparse_encoding(model, tensor))[0] != 0


def encoding_name(encoding):
    """What to call a `SparseEncoding`: "CSR", and the blocks and the order where these are own."""
    rank = len(encoding.shape)
    name = "CSR"
    if encoding.traversal_order[:rank] != tuple(range(rank)):
        name += f" in order {','.join(map(str, encoding.traversal_order[:rank]))}"
    compressed = [
        entry
        for entry, level in zip(encoding.traversal_order, encoding.levels, strict=True)
        if isinstance(level, CsrLevel)
    ]
    if compressed != list(encoding.traversal_order[rank - 1 : rank]):
        name += f" of dimensions {','.join(map(str, compressed))}"
    if encoding.block_map:
        sizes = [1] * rank
        for k, dim in enumerate(encoding.block_map):
            sizes[dim] = encoding.levels[encoding.traversal_order.index(rank + k)].size
        name += f", {'x'.join(map(str, sizes))} blocks"
    return name


def _kept(model, tensor, encoding):
    """An array of the dense shape that is zero where the constant is, and the dense bytes."""
    if encoding is None:
        values = flatbuffer.constant(model, tensor)
        return values, values.nbytes
    # Of all that a dense copy would hold, only this is of interest: a byte for each weight.
    kept = decode(dataclasses.replace(encoding, values=encoding.values != 0))
    return kept, kept.size * encoding.values.itemsize


def _find_zeros(values, channels_last):
    if values.ndim < 2:
        return Zeros(values.size, count_zeros(values))
    return find_zeros(_outputs_first(values, channels_last))


def _name_values(model, tensor, encoding, kept, channels_last):
    # A dense copy is large, and most sparse tensors need none.
    if kept.ndim < 2 or (encoding and not may_repeat(encoding.values)):
        return ""
    values = flatbuffer.constant(model, tensor) if encoding else kept
    name = name_values(_outputs_first(values, channels_last))
    return name or ("fixed point" if _is_fixed_point(tensor) else "")


def _is_fixed_point(tensor):
    scales = tensor.quantization and tensor.quantization.scale
    is_int8 = flatbuffer.dtype_name(tensor) == "int8" and scales is not None and len(scales) > 0
    return is_int8 and bool(np.all(np.frexp(scales)[0] == 0.5))


def _outputs_first(values, channels_last):
    return np.moveaxis(values, -1, 0)[..., None] if channels_last else values


def _index_arrays(tensor):
    metadata = (tensor.sparsity and tensor.sparsity.dimMetadata) or ()
    vectors = [v for m in metadata for v in (m.arraySegments, m.arrayIndices) if v is not None]
    return [np.asarray(vector.values) for vector in vectors]
