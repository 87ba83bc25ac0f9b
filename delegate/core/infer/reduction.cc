// Operators that summarise along axes.
#include "delegate/core/infer/rules.h"

namespace tfsparse {

Status infer_mean(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  if (x.size() != 4) return Status::error("averages no image");
  context->set_out(*node, node->keep_dims ? Shape{x[0], 1, 1, x[3]} : Shape{x[0], x[3]});
  return {};
}

}  // namespace tfsparse
