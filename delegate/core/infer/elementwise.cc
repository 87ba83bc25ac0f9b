// Operators whose output has the shape of an input, or of several broadcast to each other.
#include <algorithm>

#include "delegate/core/infer/rules.h"

namespace tfsparse {

Status infer_same_shape(ShapeContext* context, Node* node) {
  context->set_out(*node, context->in(*node, 0));
  return {};
}

Status infer_softmax(ShapeContext* context, Node* node) {
  if (context->in(*node, 0).empty()) return Status::error("input is a scalar");
  return infer_same_shape(context, node);
}

Status infer_binary(ShapeContext* context, Node* node) {
  const Shape& a = context->in(*node, 0);
  const Shape& b = context->in(*node, 1);
  Shape shape(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const int da = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int db = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1) {
      return Status::error("shapes " + to_string(a) + " and " + to_string(b) + " do not fit");
    }
    shape[shape.size() - 1 - i] = da == 1 ? db : da;
  }
  context->set_out(*node, shape);
  return {};
}

}  // namespace tfsparse
