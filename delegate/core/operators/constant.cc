#include "delegate/core/operators/constant.h"

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"

namespace tfsparse {

std::string ConstantPreparation::unsupported_because(const SupportContext& context,
                                                     const Node& node) const {
  return context.stored_constant(node.output) < 0 ? "input is not a constant" : "";
}

Status ConstantPreparation::infer(ShapeContext* context, const Node& node) {
  context->set_out(node, context->in(node, 0));
  return {};
}

DefaultWork ConstantPreparation::default_work(const WorkContext&, const Node&) const { return {}; }

}  // namespace tfsparse
