// Unpacking from Python.
#pragma once

#include <pybind11/pybind11.h>

namespace tfsparse {

// Adds the function `unpack`.
void define_unpacking(pybind11::module_& module);

}  // namespace tfsparse
