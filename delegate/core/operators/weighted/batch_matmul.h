// BATCH_MATMUL.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Multiplies the matrices of the last two dimensions; the leading ones are broadcast. With a
// constant second matrix it becomes a FullyConnected: see rewriting/constant_products.h.
class BatchMatMul : public DefineOperator<BatchMatMul> {
 public:
  explicit BatchMatMul(bool transposes_a = false, bool transposes_b = false)
      : transposes_a(transposes_a), transposes_b(transposes_b) {}

  bool transposes_a, transposes_b;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  DefaultWork default_int8_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  bool computes_in(DType type) const override { return is_float32_or_int8(type); }
  bool widens_int8(const Graph&, const Node&) const override { return true; }
  void hash(Hasher* hasher) const override;
  bool has_weights() const override { return true; }
};

}  // namespace tfsparse
