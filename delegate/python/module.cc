// The extension module of the Python package. Its shared object is also the plugin for
// load_delegate.
#include <pybind11/pybind11.h>

#include "delegate/kernels/kernels.h"
#include "delegate/python/delegate.h"
#include "delegate/python/tuning.h"
#include "delegate/python/unpacking.h"

namespace py = pybind11;

PYBIND11_MODULE(_native, module) {
  module.doc() = "The native part of tfsparse: the delegate, and the decoder of packed files.";
  module.def(
      "isas",
      [] {
        py::list names;
        for (const auto* kernels : tfsparse::supported_kernels()) names.append(kernels->name);
        return names;
      },
      "The instruction sets with kernels that this machine supports, fastest first.");
  module.def(
      "isa", [] { return tfsparse::best_kernels().name; },
      "The instruction set that the delegate uses on this machine.");
  tfsparse::define_delegate(module);
  tfsparse::define_tuning(module);
  tfsparse::define_unpacking(module);
}
