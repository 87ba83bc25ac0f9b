// Layers that multiply by a matrix of weights.
#include "delegate/core/infer/rules.h"

namespace tfsparse {

Status check_bias(const ShapeContext& context, const Node& node, int channels) {
  if (node.inputs.size() > 2 && node.inputs[2] >= 0 &&
      element_count(context.in(node, 2)) != channels) {
    return Status::error("bias " + to_string(context.in(node, 2)) + " does not fit " +
                         std::to_string(channels) + " channels");
  }
  return {};
}

Status infer_fully_connected(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  const Shape& w = context->in(*node, 1);
  if (w.size() != 2 || w[1] < 1 || x.empty() || element_count(x) % w[1] != 0) {
    return Status::error("input " + to_string(x) + " does not fit weights " + to_string(w));
  }
  TFSPARSE_RETURN_IF_ERROR(check_bias(*context, *node, w[0]));
  if (node->keep_dims) {
    if (x.back() != w[1]) return Status::error("input " + to_string(x) + " does not fit weights");
    Shape shape = x;
    shape.back() = w[0];
    context->set_out(*node, shape);
  } else {
    context->set_out(*node, {static_cast<int>(element_count(x) / w[1]), w[0]});
  }
  return {};
}

}  // namespace tfsparse
