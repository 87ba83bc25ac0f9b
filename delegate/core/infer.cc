#include "delegate/core/infer.h"

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
    case Op::kMean:
      return infer_mean;
    case Op::kPool:
      return infer_pool;
    case Op::kResize:
      return infer_resize;
    case Op::kReshape:
      return infer_reshape;
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

Status infer_shapes(Graph* graph) {
  ShapeContext context(graph);
  for (Node& node : graph->nodes) {
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

}  // namespace tfsparse
