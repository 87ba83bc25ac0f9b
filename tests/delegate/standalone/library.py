"""The module for browsers, compiled for this machine, where Python calls it as JavaScript does."""

import ctypes
import functools
import json
import math

import numpy as np

from tests.delegate.cpp import Build, sources

FOLDERS = (*sources.ENGINE, "standalone", "web")
ALLOCATIONS = "tests/delegate/standalone/allocations.cc"


@functools.cache
def library():
    build = Build("cpp-tests")
    # Else an operator new of TensorFlow's process would stand for that of ALLOCATIONS.
    flags = ["-shared", "-Wl,-z,defs", "-Wl,-Bsymbolic", "-static-libstdc++"]
    objects = [build.compile(ALLOCATIONS), *build.engine(FOLDERS).values()]
    loaded = ctypes.CDLL(build.link(objects, "standalone.so", flags))
    for name in ("Allocate", "ModelRead", "ModelInput", "ModelOutput"):
        getattr(loaded, f"TfSparse{name}").restype = ctypes.c_void_p
    for name in ("ModelError", "ModelDescribe"):
        getattr(loaded, f"TfSparse{name}").restype = ctypes.c_char_p
    loaded.TfSparseModelPlan.restype = ctypes.c_bool
    return loaded


class Refused(Exception):
    """The module does not run a model; the message is its reason."""


class Model:
    """A file that runs without TFLite.

    Args:
        data: The bytes of the file.
        shapes: Shapes of inputs, by name.
        num_threads: Threads that run it.
    """

    def __init__(self, data, shapes=None, num_threads=1):
        self._library = library()
        memory = self._library.TfSparseAllocate(ctypes.c_size_t(len(data)))
        ctypes.memmove(memory, data, len(data))
        read = self._library.TfSparseModelRead
        self._handle = ctypes.c_void_p(read(ctypes.c_void_p(memory), ctypes.c_size_t(len(data))))
        self._check()
        given = [(shapes or {}).get(one["name"], ()) for one in self.describe()["inputs"]]
        numbers = [number for shape in given for number in (len(shape), *shape)]
        numbers = (ctypes.c_int * len(numbers))(*numbers)
        self._library.TfSparseModelPlan(self._handle, numbers, ctypes.c_int(num_threads))
        self._check()

    def __del__(self):
        self._library.TfSparseModelDelete(self._handle)

    def describe(self):
        text = self._library.TfSparseModelDescribe(self._handle)
        return json.loads(text.decode(errors="replace"))

    def run(self, inputs, measure=False):
        """Outputs by name, of inputs by name."""
        description = self.describe()
        for index, one in enumerate(description["inputs"]):
            self._array(self._library.TfSparseModelInput, index, one)[...] = inputs[one["name"]]
        self._library.CountAllocations()
        self._library.TfSparseModelRun(self._handle, ctypes.c_bool(measure))
        assert self._library.AllocationsElsewhere() == 0
        return {
            one["name"]: self._array(self._library.TfSparseModelOutput, index, one).copy()
            for index, one in enumerate(description["outputs"])
        }

    def _array(self, place, index, one):
        count, dtype = math.prod(one["shape"]), np.dtype(one["type"])
        memory = ctypes.string_at if count == 0 else ctypes.c_byte * (count * dtype.itemsize)
        address = place(self._handle, ctypes.c_int(index))
        return np.frombuffer(memory.from_address(address), dtype).reshape(one["shape"])

    def _check(self):
        error = self._library.TfSparseModelError(self._handle).decode(errors="replace")
        if error:
            raise Refused(error)
