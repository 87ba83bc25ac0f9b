#include "delegate/python/tuning.h"

#include <pybind11/stl.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include "delegate/python/delegate.h"
#include "delegate/tflite/delegate.h"
#include "delegate/tflite/tuning/tune.h"

namespace py = pybind11;

namespace tfsparse {
namespace {

// Runs a model in interpreters that a Python function opens. Exceptions are raised after the engine
// returns, since it calls C functions.
class PythonHost {
 public:
  explicit PythonHost(py::function open) : open_(std::move(open)) {}

  TfSparseTuneHost functions() { return {open, invoke, close, this}; }
  void raise_error() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  // Calls with the GIL held. Returns whether no exception was raised.
  template <class Function>
  static bool guard(void* user_data, const Function& function) {
    auto& host = *static_cast<PythonHost*>(user_data);
    const py::gil_scoped_acquire lock;
    try {
      function(host);
      return true;
    } catch (...) {
      host.error_ = std::current_exception();
      return false;
    }
  }

  static void* open(void* user_data, TfLiteDelegate* delegate) {
    void* interpreter = nullptr;
    guard(user_data, [&](PythonHost& host) {
      py::object pointer = py::none();
      if (delegate != nullptr) pointer = py::int_(reinterpret_cast<std::uintptr_t>(delegate));
      interpreter = host.open_(pointer).release().ptr();
    });
    return interpreter;
  }
  static int invoke(void* user_data, void* interpreter) {
    const bool ran = guard(user_data, [&](PythonHost&) {
      py::handle(static_cast<PyObject*>(interpreter)).attr("invoke")();
    });
    return ran ? 0 : 1;
  }
  static void close(void*, void* interpreter) {
    const py::gil_scoped_acquire lock;
    py::handle(static_cast<PyObject*>(interpreter)).dec_ref();
  }

  py::function open_;
  std::exception_ptr error_;
};

py::dict to_dict(const TuneResult& result) {
  py::list parts;
  for (const TunedPart& part : result.parts) {
    py::dict entry;
    entry["subgraph"] = part.subgraph;
    entry["operators"] = part.operators;
    entry["taken"] = part.taken;
    entry["speedup"] = part.speedup;
    parts.append(std::move(entry));
  }
  py::dict found;
  found["measured"] = result.measured;
  found["saved"] = result.saved;
  found["default_seconds"] = result.baseline.median;
  found["tfsparse_seconds"] = result.candidate.median;
  found["parts"] = std::move(parts);
  return found;
}

py::tuple tune_model(const py::dict& options, py::function open) {
  const Options read = to_options(options);
  PythonHost host(std::move(open));
  TuneResult result;
  Status status;
  {
    const py::gil_scoped_release unlocked;
    const TfSparseTuneHost functions = host.functions();
    status = tune(read, functions, steady_clock(), &result);
  }
  host.raise_error();
  if (!status.ok()) throw std::runtime_error("tfsparse: " + status.message());
  auto delegate = std::make_unique<Delegate>(read, result.entries);
  delegate->keep_report(false);
  return py::make_tuple(std::move(delegate), to_dict(result));
}

}  // namespace

void define_tuning(py::module_& module) {
  module.def("tune", &tune_model, py::arg("options"), py::arg("open"),
             "Autotunes a model: see TfSparseDelegateCreateTuned. `open` takes the address of a "
             "delegate or None and returns an object whose `invoke` runs the model. Returns the "
             "delegate and a dict of the measurements.");
}

}  // namespace tfsparse
