// TRANSPOSE_CONV.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/window.h"

namespace tfsparse {

// Inputs: the image, the weights [output, height, width, input], the bias, the output's shape.
class TransposeConvolution : public DefineOperator<TransposeConvolution> {
 public:
  Window window;
  Epilogue epilogue;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  DefaultWork default_int8_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  Status build_int8(PlanBuilder* builder, const Node& node) const override;
  bool computes_in(DType type) const override { return is_float32_or_int8(type); }
  bool widens_int8(const Graph& graph, const Node& node) const override;
  void hash(Hasher* hasher) const override;
  bool has_weights() const override { return true; }
  std::vector<std::size_t> shape_inputs(const Node&) const override { return {3}; }
  Epilogue* foldable_epilogue() override { return &epilogue; }
};

}  // namespace tfsparse
