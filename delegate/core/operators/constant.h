// DENSIFY and DEQUANTIZE of a constant. Readers of their output read the stored constant instead:
// see GraphIndex::stored_constant.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

class ConstantPreparation : public Operator {
 public:
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Role role() const override { return Role::kConstant; }
};

class Densify : public DefineOperator<Densify, ConstantPreparation> {};

class Dequantize : public DefineOperator<Dequantize, ConstantPreparation> {};

}  // namespace tfsparse
