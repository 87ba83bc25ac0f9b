#include "delegate/python/delegate.h"

#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "delegate/tflite/delegate.h"

namespace py = pybind11;
using namespace py::literals;

namespace tfsparse {
namespace {

// Names in a model's file need not be UTF-8.
py::str to_str(const std::string& text) {
  const auto size = static_cast<Py_ssize_t>(text.size());
  return py::reinterpret_steal<py::str>(PyUnicode_DecodeUTF8(text.data(), size, "replace"));
}

py::dict to_dict(const NodeReport& node) {
  py::dict dict("subgraph"_a = node.subgraph, "id"_a = node.id, "type"_a = to_str(node.type),
                "code"_a = node.code, "name"_a = to_str(node.name), "taken"_a = node.taken,
                "reason"_a = to_str(node.reason));
  if (node.weights) {
    dict["weights"] = node.weights->shape;
    dict["sparsity"] = node.weights->sparsity;
    dict["encoded"] = node.weights->encoded;
  }
  return dict;
}

py::dict to_dict(const StepReport& step) {
  py::dict dict("node"_a = step.node, "kernel"_a = step.kernel, "macs"_a = step.macs);
  if (step.seconds) dict["seconds"] = *step.seconds;
  return dict;
}

py::dict to_dict(const PartitionReport& partition);

template <class Report>
py::list to_list(const std::vector<Report>& reports) {
  py::list list;
  for (const Report& report : reports) list.append(to_dict(report));
  return list;
}

py::dict to_dict(const PartitionReport& partition) {
  py::dict dict("subgraph"_a = partition.subgraph, "threads"_a = partition.threads,
                "nodes"_a = partition.nodes, "planned"_a = partition.plan.has_value());
  if (partition.plan) {
    dict["arena_bytes"] = partition.plan->arena_bytes;
    dict["default_seconds"] = partition.plan->default_seconds;
    dict["runs"] = partition.plan->runs;
    dict["steps"] = to_list(partition.plan->steps);
  }
  return dict;
}

py::dict report(const Delegate& delegate) {
  const Report told = delegate.report();
  return py::dict("isa"_a = told.isa, "lacks_fp16"_a = told.lacks_fp16, "tuned"_a = told.tuned,
                  "nodes"_a = to_list(told.nodes), "partitions"_a = to_list(told.partitions));
}

std::unique_ptr<Delegate> make_delegate(const py::dict& options, bool time_steps) {
  auto delegate = std::make_unique<Delegate>(to_options(options));
  delegate->keep_report(time_steps);
  return delegate;
}

}  // namespace

Options to_options(const py::dict& from) {
  std::vector<std::string> texts;
  for (const auto& [key, value] : from) {
    texts.push_back(py::cast<std::string>(key));
    texts.push_back(py::cast<std::string>(value));
  }
  std::vector<const char*> keys, values;
  for (std::size_t i = 0; i < texts.size(); i += 2) {
    keys.push_back(texts[i].c_str());
    values.push_back(texts[i + 1].c_str());
  }
  Options options;
  const Status status = parse_options(keys.data(), values.data(), keys.size(), &options);
  if (!status.ok()) throw py::value_error("tfsparse: " + status.message());
  return options;
}

void define_delegate(py::module_& module) {
  py::class_<Delegate>(module, "Delegate",
                       "A delegate for an interpreter's experimental_delegates. It must outlive "
                       "the interpreter.")
      .def(py::init(&make_delegate), py::arg("options"), py::arg("time_steps") = false,
           "`options` are strings, as for load_delegate. With `time_steps` the report has the time "
           "of every step.")
      .def("_get_native_delegate_pointer",
           [](Delegate& delegate) { return reinterpret_cast<std::uintptr_t>(delegate.handle()); })
      .def("report", &report,
           "The report on the models that used the delegate, as a dict. No interpreter may prepare "
           "or run the delegate meanwhile.");
}

}  // namespace tfsparse
