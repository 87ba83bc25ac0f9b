// The Python side of the native part. The same shared object is the plugin that load_delegate
// opens.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "delegate/kernels/kernels.h"
#include "delegate/python/tuning.h"
#include "delegate/tflite/delegate.h"

namespace py = pybind11;
using namespace py::literals;

namespace {

// Names come from the model's file and need not be UTF-8.
py::str to_str(const std::string& text) {
  const auto size = static_cast<Py_ssize_t>(text.size());
  return py::reinterpret_steal<py::str>(PyUnicode_DecodeUTF8(text.data(), size, "replace"));
}

py::dict to_dict(const tfsparse::NodeReport& node) {
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

py::dict to_dict(const tfsparse::StepReport& step) {
  py::dict dict("node"_a = step.node, "kernel"_a = step.kernel, "macs"_a = step.macs);
  if (step.seconds) dict["seconds"] = *step.seconds;
  return dict;
}

py::dict to_dict(const tfsparse::PartitionReport& partition);

template <class Report>
py::list to_list(const std::vector<Report>& reports) {
  py::list list;
  for (const Report& report : reports) list.append(to_dict(report));
  return list;
}

py::dict to_dict(const tfsparse::PartitionReport& partition) {
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

py::object report(const std::string& key) {
  const auto found = tfsparse::find_report(key);
  if (!found) return py::none();
  return py::dict("isa"_a = found->isa, "lacks_fp16"_a = found->lacks_fp16,
                  "tuned"_a = found->tuned, "nodes"_a = to_list(found->nodes),
                  "partitions"_a = to_list(found->partitions));
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  module.doc() = "What tfsparse.runtime asks of the delegate.";
  module.def(
      "report", &report, py::arg("key"),
      "What the living delegate created with option report=key tells; None if there is none.");
  module.def(
      "isas",
      [] {
        py::list names;
        for (const auto* kernels : tfsparse::supported_kernels()) names.append(kernels->name);
        return names;
      },
      "The instruction sets that this machine has kernels for, fastest first.");
  module.def(
      "isa", [] { return tfsparse::best_kernels().name; },
      "The instruction set that the delegate uses on this machine.");
  tfsparse::define_tuning(module);
}
