"""Reads the bytes of a TFLite file as a model."""

import io
import mmap
import os
import struct
import threading
import zipfile

import numpy as np

from tfsparse.flatbuffer.definitions import IDENTIFIER, MAX_BYTES, ints, schema
from tfsparse.formatting import number_of

# Far above any real model, and low enough to refuse a damaged length without reading for minutes.
MAX_TABLES = 300_000
# What a table takes at least: itself, and the offset that leads to it.
MIN_TABLE_BYTES = 8
ZIP_ENTRY = b"PK\3\4"
# What the generated readers raise when an offset or a length points outside of the data.
_DAMAGE = (struct.error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def read(path):
    """Reads a TFLite file.

    Its constants are mapped into memory, and read when they are looked at: the file must not be
    overwritten meanwhile, but may be replaced by another, as `write_atomically` does.

    Args:
        path: Path of the file.

    Returns:
        The model, a `ModelT` of the schema's object API. Constants that lie behind the flatbuffer,
        as large models have them, are the `data` of their buffer, whose `offset` stays set.
        `archive` has the ZIP archive of associated files that is appended to the file, and
        `unknown` the names of the tables with fields that the schema at hand lacks.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a whole TFLite file.
    """
    with open(path, "rb") as file:
        empty = not os.fstat(file.fileno()).st_size
        data = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return parse(data, source=os.fspath(path))


def parse(data, source="<bytes>"):
    """Parses the bytes of a TFLite file; `source` names them in errors. See `read`."""
    if len(data) < 8 or bytes(data[4:8]) != IDENTIFIER:
        raise ValueError(
            f"Expected a TFLite file, which has {IDENTIFIER.decode()!r} at byte 4. "
            f"Received: {source}, {number_of(len(data), 'byte')}, {bytes(data[:8])!r}..."
        )
    _seen.tables_left, _seen.unknown = min(MAX_TABLES, len(data) // MIN_TABLE_BYTES), set()
    try:
        # All offsets of a flatbuffer are below its limit: what follows it is read on its own.
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(memoryview(data)[:MAX_BYTES], 0))
        _check_references(model)
        _take_in_outlying_data(model, data)
        model.archive = _archive(data)
    except _DAMAGE as e:
        raise ValueError(
            f"The TFLite file is damaged or cut short: {source}, "
            f"{number_of(len(data), 'byte')} ({e})"
        ) from e
    model.unknown = sorted(_seen.unknown | _unknown_options(model))
    return model


_seen = threading.local()


def _watch(table, known):
    """Makes a generated reader count the tables, and note fields beyond the `known` first ones.

    The generated readers follow any offset, so that a damaged file can stand for any number of
    tables; and they pass over fields that they do not know, which would be lost.
    """
    init = table.Init

    def watched_init(self, data, position):
        init(self, data, position)
        _seen.tables_left -= 1
        if _seen.tables_left < 0:
            raise ValueError("it claims to hold more tables than it can")
        vtable = position - struct.unpack_from("<i", data, position)[0]
        size = struct.unpack_from("<H", data, vtable)[0]
        if size > 4 + 2 * known and any(data[vtable + 4 + 2 * known : vtable + size]):
            _seen.unknown.add(table.__name__)

    table.Init = watched_init


def _known_fields(name):
    """How many fields a table has in the schema, which only its generated writer knows."""

    class Builder:
        def StartObject(self, fields):
            self.fields = fields

    builder = Builder()
    getattr(schema, f"{name}Start")(builder)
    return builder.fields


for _name, _table in list(vars(schema).items()):
    if hasattr(_table, "Init") and hasattr(schema, f"{_name}Start"):
        _watch(_table, _known_fields(_name))

_OPTION_UNIONS = {
    union: set(vars(getattr(schema, union)).values())
    for union in ("BuiltinOptions", "BuiltinOptions2")
    if hasattr(schema, union)
}


def _unknown_options(model):
    """The names of the unions of which an operator has a member that the schema lacks."""
    operators = [op for subgraph in model.subgraphs for op in subgraph.operators or ()]
    return {
        union
        for union, known in _OPTION_UNIONS.items()
        if any(getattr(op, f"b{union[1:]}Type") not in known for op in operators)
    }


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
            for index in (*ints(operator.inputs), *ints(operator.outputs)):
                if not -1 <= index < tensors:
                    raise ValueError(f"an operator names tensor {index} of {tensors}")
        for index in (*ints(subgraph.inputs), *ints(subgraph.outputs)):
            if not -1 <= index < tensors:
                raise ValueError(f"a subgraph names tensor {index} of {tensors}")


def _take_in_outlying_data(model, data):
    """Makes data that follows the flatbuffer in the file the content of its buffer or operator."""

    def outlying(offset, size):
        if offset + size > len(data):
            raise ValueError(f"data at {offset} is missing")
        return np.frombuffer(data, np.uint8, size, offset)

    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = outlying(buffer.offset, buffer.size)
    for subgraph in model.subgraphs:
        for op in subgraph.operators or ():
            if op.largeCustomOptionsOffset > 1:
                op.customOptions = outlying(op.largeCustomOptionsOffset, op.largeCustomOptionsSize)
                op.largeCustomOptionsOffset = op.largeCustomOptionsSize = 0


def _archive(data):
    """Where in the file a ZIP archive starts, and its bytes; `None` without one."""
    stream = data if isinstance(data, mmap.mmap) else io.BytesIO(data)
    try:
        with zipfile.ZipFile(stream) as archive:
            starts = [entry.header_offset for entry in archive.infolist()]
    # A constant may end with what looks like an archive's end.
    except (zipfile.BadZipFile, NotImplementedError, *_DAMAGE):
        return None
    if any(bytes(data[max(start, 0) : start + 4]) != ZIP_ENTRY for start in starts):
        raise ValueError("its appended ZIP archive names files that it does not hold")
    return (min(starts), data[min(starts) :]) if starts else None
