// The Python side of the native part: what tfsparse/runtime.py asks of it.
#include <pybind11/pybind11.h>

PYBIND11_MODULE(_native, m) { m.doc() = "tfsparse's TFLite delegate."; }
