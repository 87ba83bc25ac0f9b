// RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

enum class Interpolation { kNearest, kBilinear };

// Inputs: the image, the new height and width.
class Resize : public DefineOperator<Resize> {
 public:
  explicit Resize(Interpolation interpolation = Interpolation::kNearest)
      : interpolation(interpolation) {}

  Interpolation interpolation;
  bool align_corners = false, half_pixel_centers = false;
  Epilogue epilogue;  // folded from a convolution before it

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  Status build_int8(PlanBuilder* builder, const Node& node) const override;
  bool computes_in(DType type) const override { return is_float32_or_int8(type); }
  void hash(Hasher* hasher) const override;
};

}  // namespace tfsparse
