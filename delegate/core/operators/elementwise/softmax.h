// SOFTMAX over the last dimension.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

class Softmax : public DefineOperator<Softmax> {
 public:
  explicit Softmax(float beta = 1) : beta_(beta) {}

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  bool computes_in(DType type) const override { return is_float32_or_int8(type); }
  bool widens_int8(const Graph&, const Node&) const override { return true; }
  void hash(Hasher* hasher) const override;

 private:
  float beta_;
};

}  // namespace tfsparse
