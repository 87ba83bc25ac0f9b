// AVERAGE_POOL_2D and MAX_POOL_2D.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/window.h"

namespace tfsparse {

class Pool : public DefineOperator<Pool> {
 public:
  explicit Pool(Pooling pooling = Pooling::kAverage) : pooling(pooling) {}

  Pooling pooling;
  Extent size = {1, 1};  // of the window
  Window window;
  Epilogue epilogue;  // clamps only

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  bool computes_in(DType type) const override { return is_float32_or_int8(type); }
  Status build_int8(PlanBuilder* builder, const Node& node) const override;
  void hash(Hasher* hasher) const override;
};

}  // namespace tfsparse
