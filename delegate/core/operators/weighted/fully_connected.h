// FULLY_CONNECTED.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

// Weights are [units, depth]. With several rows it becomes a Convolution: see rewriting/rows.h.
class FullyConnected : public DefineOperator<FullyConnected> {
 public:
  bool keep_dims = false;  // whether the output keeps the leading dimensions of the input
  Epilogue epilogue;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  DefaultWork default_int8_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  Status build_int8(PlanBuilder* builder, const Node& node) const override;
  bool computes_in(DType type) const override;
  void hash(Hasher* hasher) const override;
  bool has_weights() const override { return true; }
  Epilogue* foldable_epilogue() override { return &epilogue; }
};

}  // namespace tfsparse
