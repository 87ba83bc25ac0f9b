"""The TFLite schema, and what its numbers stand for."""

import importlib.util
from pathlib import Path

import numpy as np

# Offsets in a flatbuffer are signed 32-bit numbers.
MAX_BYTES = 2**31 - 1
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


def ints(vector):
    """A vector of a `ModelT` as a tuple of integers, empty where the file has none."""
    # numpy arrays from a file, lists from an edit, 0 or None where the file has none
    return tuple(int(i) for i in vector) if np.ndim(vector) else ()


def decode_name(name):
    """A name of a file, which may hold any bytes, as a string."""
    return name.decode(errors="replace") if isinstance(name, bytes) else name or ""
