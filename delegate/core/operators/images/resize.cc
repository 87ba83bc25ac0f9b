#include "delegate/core/operators/images/resize.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/steps/channel_planes.h"

namespace tfsparse {
namespace {

// Units and source: estimate.h.
constexpr double kBilinear = 1.5;     // per output number of bilinear resizing
constexpr double kNearestPixel = 80;  // per pixel copied by TFLite's own resizing

// For each output along one axis, its input index and the weight of the next input.
struct ResizeAxis {
  std::vector<std::int32_t> indices;
  std::vector<float> weights;

  // Follows TFLite's float32 arithmetic exactly. Other rounding would select other pixels.
  ResizeAxis(const Resize& resize, int in, int out) {
    const bool to_corners = resize.align_corners && out > 1;
    const float scale = to_corners ? static_cast<float>(in - 1) / (out - 1)
                                   : static_cast<float>(in) / static_cast<float>(out);
    for (int i = 0; i < out; ++i) {
      resize.interpolation == Interpolation::kNearest ? add_nearest(resize, i, in, scale)
                                                      : add_bilinear(resize, i, in, scale);
    }
    indices.resize(indices.size() + kOverread);
    weights.resize(weights.size() + kOverread);
  }

 private:
  void add_nearest(const Resize& resize, int i, int in, float scale) {
    const float position = (i + (resize.half_pixel_centers ? 0.5f : 0.0f)) * scale;
    const float whole = resize.align_corners ? std::round(position) : std::floor(position);
    indices.push_back(std::clamp(static_cast<int>(whole), 0, in - 1));
  }

  void add_bilinear(const Resize& resize, int i, int in, float scale) {
    const float position = resize.half_pixel_centers ? (i + 0.5f) * scale - 0.5f : i * scale;
    indices.push_back(std::clamp(static_cast<int>(std::floor(position)), 0, in - 1));
    // No interpolation beyond the centers of the first and last pixels.
    const bool between = position > 0.0f && indices.back() + 1 < in;
    weights.push_back(between ? position - static_cast<float>(indices.back()) : 0.0f);
  }
};

class ResizeStep : public Step {
 public:
  ResizeStep(const Resize& resize, const ChwLayout& x, const ChwLayout& y)
      : rows_(resize, x.height, y.height),
        columns_(resize, x.width, y.width),
        args_(plane_args<ResizeArgs>(x, y)) {
    args_.rows = rows_.indices.data();
    args_.columns = columns_.indices.data();
    args_.epilogue = resize.epilogue;
    if (resize.interpolation == Interpolation::kNearest) return;
    args_.row_weights = rows_.weights.data();
    args_.column_weights = columns_.weights.data();
  }

  void run(const RunContext& context) const override {
    run_planes(context, reads[0], writes[0], args_, context.kernels.resize);
  }

 private:
  ResizeAxis rows_, columns_;
  ResizeArgs args_;  // for all images
};

}  // namespace

std::string Resize::unsupported_because(const SupportContext& context, const Node& node) const {
  const std::string reason = unsupported_parameters(context, node);
  return reason.empty() ? unsupported_scales(context, node) : reason;
}

Status Resize::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  if (x.size() != 4) return Status::error("expected a 4-D input, received shape " + to_string(x));
  Ints size;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &size));
  constexpr std::int64_t kMost = 1 << 20;
  if (size.size() != 2 || std::min(size[0], size[1]) < 1 || std::max(size[0], size[1]) > kMost) {
    return Status::error("size is not two integers from 1 to " + std::to_string(kMost));
  }
  if (x[1] == 0 || x[2] == 0) return Status::error("image has no pixels");
  context->set_out(node, {x[0], static_cast<int>(size[0]), static_cast<int>(size[1]), x[3]});
  return {};
}

DefaultWork Resize::default_work(const WorkContext& context, const Node& node) const {
  const bool bilinear = interpolation == Interpolation::kBilinear;
  const double cost = bilinear ? kBilinear * context.channels(node.output) : kNearestPixel;
  return context.pixel_move(node, cost * context.pixels(node.output));
}

Status Resize::build(PlanBuilder* builder, const Node& node) const {
  const Value x = builder->values().chw(node.inputs[0]);
  const Value y = builder->values().define_chw(node.output);
  auto step = std::make_unique<ResizeStep>(*this, chw_layout(builder->shape(node.inputs[0])),
                                           chw_layout(builder->shape(node.output)));
  const bool nearest = interpolation == Interpolation::kNearest;
  step->parts[0].kernel = std::string(nearest ? "nearest " : "bilinear ") + builder->kernels().name;
  step->reads = {x};
  step->writes = {y};
  builder->add(std::move(step), node);
  return {};
}

void Resize::hash(Hasher* hasher) const {
  hasher->add(interpolation, align_corners, half_pixel_centers, epilogue);
}

}  // namespace tfsparse
