#include "delegate/core/graph/operator.h"

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/unsupported.h"

namespace tfsparse {

bool Operator::computes_in(DType type) const { return type == DType::kFloat32; }

DefaultWork Operator::default_work(const WorkContext& context, const Node& node) const {
  return context.elementwise(node, 0);
}

DefaultWork Operator::default_int8_work(const WorkContext& context, const Node& node) const {
  return context.int8_elementwise(node);
}

Status Operator::build(PlanBuilder*, const Node& node) const {
  return Status::error("node " + std::to_string(node.id) + " (" + node.type + ") cannot be run");
}

Status Operator::build_int8(PlanBuilder* builder, const Node& node) const {
  return Operator::build(builder, node);
}

AnyOperator::AnyOperator() : operation_(std::make_unique<Unsupported>()) {}

}  // namespace tfsparse
