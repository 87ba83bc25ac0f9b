"""Read, edit and write TFLite files: the only user of the TFLite schema.

A model is the `ModelT` of the schema's object API, and its parts are edited in place. Whatever is
not edited (metadata, signatures, custom operators, appended files) is written as it was read.
"""

from tfsparse.converter.flatbuffer.constants import (
    constant,
    sparse_encoding,
    sparsity_parameters,
)
from tfsparse.converter.flatbuffer.definitions import (
    DTYPES,
    builtin_name,
    dtype_name,
    operator_name,
    schema,
)
from tfsparse.converter.flatbuffer.edits import (
    operator_code,
    order_inputs_and_outputs,
    replace_by_densify,
)
from tfsparse.converter.flatbuffer.reading import parse, read
from tfsparse.converter.flatbuffer.writing import pieces, serialize

__all__ = [
    "DTYPES",
    "builtin_name",
    "constant",
    "dtype_name",
    "operator_code",
    "operator_name",
    "order_inputs_and_outputs",
    "parse",
    "pieces",
    "read",
    "replace_by_densify",
    "schema",
    "serialize",
    "sparse_encoding",
    "sparsity_parameters",
]
