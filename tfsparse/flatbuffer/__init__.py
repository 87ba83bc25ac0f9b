"""Read, edit and write TFLite files: the only user of the TFLite schema.

A model is the `ModelT` of the schema's object API, and its parts are edited in place. Whatever is
not edited (metadata, signatures, custom operators, appended files) is written as it was read.
"""

from tfsparse.flatbuffer.constants import (
    buffer,
    constant,
    is_constant,
    sparse_encoding,
)
from tfsparse.flatbuffer.definitions import (
    DTYPES,
    IDENTIFIER,
    builtin_name,
    decode_name,
    dtype_name,
    ints,
    operator_name,
    schema,
)
from tfsparse.flatbuffer.edits import (
    add_signature_aliases,
    buffer_references,
    operator_code,
    operators_may_change,
    order_inputs_and_outputs,
    position,
    readers,
    remove_densify,
    remove_tensors,
    remove_unused_codes,
    replace_by_densify,
    replace_by_dequantize,
    undo_operators,
    uses_of_own_buffers,
)
from tfsparse.flatbuffer.reading import parse, read
from tfsparse.flatbuffer.spans import array_spans
from tfsparse.flatbuffer.writing import pieces, serialize

__all__ = [
    "DTYPES",
    "IDENTIFIER",
    "add_signature_aliases",
    "array_spans",
    "buffer",
    "buffer_references",
    "builtin_name",
    "constant",
    "decode_name",
    "dtype_name",
    "ints",
    "is_constant",
    "operator_code",
    "operator_name",
    "operators_may_change",
    "order_inputs_and_outputs",
    "parse",
    "pieces",
    "position",
    "read",
    "readers",
    "remove_densify",
    "remove_tensors",
    "remove_unused_codes",
    "replace_by_densify",
    "replace_by_dequantize",
    "schema",
    "serialize",
    "sparse_encoding",
    "undo_operators",
    "uses_of_own_buffers",
]
