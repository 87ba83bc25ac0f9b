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
  // TFLite rounds the positions of an int8 bilinear resize to 1/1024 of a pixel, which can change
  // an output by several steps.
  bool computes_in(DType type) const override {
    const bool is_exact = interpolation == Interpolation::kNearest;
    return is_exact ? is_float32_or_int8(type) : type == DType::kFloat32;
  }
  bool widens_int8(const Graph&, const Node&) const override { return true; }
  void hash(Hasher* hasher) const override;
};

}  // namespace tfsparse
