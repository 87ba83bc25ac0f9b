// The Python class of the delegate.
#pragma once

#include <pybind11/pybind11.h>

#include "delegate/tflite/options.h"

namespace tfsparse {

// Converts a dict of strings to options. Raises ValueError for an invalid one.
Options to_options(const pybind11::dict& from);

// Adds the class `Delegate` to the module.
void define_delegate(pybind11::module_& module);

}  // namespace tfsparse
