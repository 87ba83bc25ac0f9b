// Autotuning from Python.
#pragma once

#include <pybind11/pybind11.h>

namespace tfsparse {

// Adds `tune`, and the class of the delegate that it returns.
void define_tuning(pybind11::module_& module);

}  // namespace tfsparse
