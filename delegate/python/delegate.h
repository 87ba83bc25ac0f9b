// The delegate as a Python object.
#pragma once

#include <pybind11/pybind11.h>

#include "delegate/tflite/options.h"

namespace tfsparse {

// The options of a dictionary of texts. Raises ValueError where one cannot be used.
Options to_options(const pybind11::dict& from);

// Adds the class `Delegate`.
void define_delegate(pybind11::module_& module);

}  // namespace tfsparse
