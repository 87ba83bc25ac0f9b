#include "delegate/core/graph/infer.h"

#include <algorithm>

namespace tfsparse {

bool normalize_axis(std::int64_t axis, std::size_t rank, int* normalized) {
  const std::int64_t dims = static_cast<std::int64_t>(rank);
  if (axis < -dims || axis >= dims) return false;
  *normalized = static_cast<int>(axis < 0 ? axis + dims : axis);
  return true;
}

Status broadcast(const Shape& a, const Shape& b, Shape* shape) {
  shape->assign(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < shape->size(); ++i) {
    const int da = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int db = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1) {
      return Status::error("shapes " + to_string(a) + " and " + to_string(b) + " do not fit");
    }
    (*shape)[shape->size() - 1 - i] = da == 1 ? db : da;
  }
  return {};
}

Status ShapeContext::axis(int tensor, std::size_t rank, int* axis) const {
  Ints values;
  TFSPARSE_RETURN_IF_ERROR(ints(tensor, &values));
  if (values.size() != 1 || !normalize_axis(values[0], rank, axis)) {
    return Status::error("axis is out of range for an input of " + std::to_string(rank) +
                         " dimensions");
  }
  return {};
}

Status infer_shapes(Graph* graph) {
  ShapeContext context(graph);
  for (Node& node : graph->nodes) {
    for (int input : node.inputs) {
      if (input < 0 || element_count(graph->tensors[input].shape) >= 0) continue;
      return Status::error(node.type + " has an input of the invalid shape " +
                           to_string(graph->tensors[input].shape))
          .at(node.id);
    }
    const Status status = node.op->infer(&context, node);
    const Tensor& output = graph->tensors[node.output];
    if (!status.ok()) {
      return Status::error(node.type + " '" + output.name + "': " + status.message()).at(node.id);
    }
    if (element_count(output.shape) < 0) {
      return Status::error("output is too large").at(node.id);
    }
  }
  return {};
}

void infer_known_shapes(const std::vector<bool>& nodes, Graph* graph) {
  ShapeContext context(graph);
  const auto known = [&](int input) {
    return input < 0 ||
           (graph->tensors[input].size_is_known && element_count(graph->tensors[input].shape) >= 0);
  };
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Node& node = graph->nodes[i];
    if (node.output < 0) continue;
    Tensor& output = graph->tensors[node.output];
    const Shape shape_in_file = output.shape;
    if (nodes[i] && std::all_of(node.inputs.begin(), node.inputs.end(), known) &&
        node.op->infer(&context, node).ok()) {
      continue;
    }
    output.shape = shape_in_file;
    output.size_is_known = !output.size_is_open;
  }
}

}  // namespace tfsparse
