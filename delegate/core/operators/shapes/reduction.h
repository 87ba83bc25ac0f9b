// SUM and MEAN.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

enum class Reduction { kMean, kSum };

// Inputs: the tensor, the axes.
class Reduce : public DefineOperator<Reduce> {
 public:
  explicit Reduce(Reduction reduction = Reduction::kMean) : reduction(reduction) {}

  Reduction reduction;
  bool keep_dims = false;
  std::vector<int> axes;  // ascending; set by infer

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  Status build_int8(PlanBuilder* builder, const Node& node) const override;
  bool computes_in(DType type) const override;
  bool widens_int8(const Graph& graph, const Node& node) const override;
  void hash(Hasher* hasher) const override;

 private:
  double multiplier(const Tensor& input, const Tensor& output) const;
};

}  // namespace tfsparse
