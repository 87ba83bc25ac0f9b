#include "delegate/core/infer.h"

#include <algorithm>

#include "delegate/core/infer/rules.h"

namespace tfsparse {
namespace {

ShapeRule rule_of(Op op) {
  switch (op) {
    case Op::kConv2D:
    case Op::kDepthwiseConv2D:
      return infer_convolution;
    case Op::kTransposeConv:
      return infer_transpose_conv;
    case Op::kFullyConnected:
      return infer_fully_connected;
    case Op::kPad:
      return infer_pad;
    case Op::kBinary:
      return infer_binary;
    case Op::kReduce:
      return infer_reduction;
    case Op::kPool:
      return infer_pool;
    case Op::kResize:
      return infer_resize;
    case Op::kReshape:
      return infer_reshape;
    case Op::kSqueeze:
      return infer_squeeze;
    case Op::kExpandDims:
      return infer_expand_dims;
    case Op::kConcatenation:
      return infer_concatenation;
    case Op::kSplit:
      return infer_split;
    case Op::kSlice:
      return infer_slice;
    case Op::kTranspose:
      return infer_transpose;
    case Op::kSpaceToDepth:
      return infer_space_to_depth;
    case Op::kDepthToSpace:
      return infer_depth_to_space;
    case Op::kSoftmax:
      return infer_softmax;
    case Op::kShape:
      return infer_shape;
    case Op::kStridedSlice:
      return infer_strided_slice;
    case Op::kPack:
      return infer_pack;
    case Op::kUnary:
    case Op::kDensify:
    case Op::kDequantize:
      return infer_same_shape;
    case Op::kUnsupported:
      break;
  }
  return [](ShapeContext*, Node*) { return Status::error("is not supported"); };
}

}  // namespace

bool normalize_axis(std::int64_t axis, std::size_t rank, int* normalized) {
  const std::int64_t dims = static_cast<std::int64_t>(rank);
  if (axis < -dims || axis >= dims) return false;
  *normalized = static_cast<int>(axis < 0 ? axis + dims : axis);
  return true;
}

Status ShapeContext::axis(int tensor, std::size_t rank, int* axis) const {
  Ints values;
  TFSPARSE_RETURN_IF_ERROR(ints(tensor, &values));
  if (values.size() != 1 || !normalize_axis(values[0], rank, axis)) {
    return Status::error("axis is none of an input of " + std::to_string(rank) + " dimensions");
  }
  return {};
}

Status infer_shapes(Graph* graph) {
  ShapeContext context(graph);
  for (Node& node : graph->nodes) {
    for (int input : node.inputs) {
      if (input < 0 || element_count(graph->tensors[input].shape) >= 0) continue;
      return Status::error(node.type + " has an input of the impossible shape " +
                           to_string(graph->tensors[input].shape))
          .at(node.id);
    }
    const Status status = rule_of(node.op)(&context, &node);
    const Tensor& output = graph->tensors[node.output];
    if (!status.ok()) {
      return Status::error(node.type + " '" + output.name + "': " + status.message()).at(node.id);
    }
    if (element_count(output.shape) < 0) {
      return Status::error("a tensor is too large").at(node.id);
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
        rule_of(node.op)(&context, &node).ok()) {
      continue;
    }
    output.shape = shape_in_file;
    output.size_is_known = !output.size_is_open;
  }
}

}  // namespace tfsparse
