// Autotuning from Python.
#pragma once

#include <pybind11/pybind11.h>

namespace tfsparse {

// Adds the function `tune`, which returns a `Delegate`.
void define_tuning(pybind11::module_& module);

}  // namespace tfsparse
