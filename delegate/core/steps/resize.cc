// RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR on planes.
#include <algorithm>
#include <cmath>

#include "delegate/core/step.h"

namespace tfsparse {
namespace {

// Where the outputs along one axis come from: what ResizeArgs calls rows and columns.
struct ResizeAxis {
  std::vector<std::int32_t> places;
  std::vector<float> weights;

  // The float32 arithmetic of TFLite, step by step: another rounding would pick other pixels.
  ResizeAxis(const Node& node, int in, int out) {
    const bool to_corners = node.align_corners && out > 1;
    const float scale = to_corners ? static_cast<float>(in - 1) / (out - 1)
                                   : static_cast<float>(in) / static_cast<float>(out);
    for (int i = 0; i < out; ++i) {
      node.interpolation == Interpolation::kNearest ? add_nearest(node, i, in, scale)
                                                    : add_bilinear(node, i, in, scale);
    }
    places.resize(places.size() + kOverread);
    weights.resize(weights.size() + kOverread);
  }

 private:
  void add_nearest(const Node& node, int i, int in, float scale) {
    const float place = (i + (node.half_pixel_centers ? 0.5f : 0.0f)) * scale;
    const float whole = node.align_corners ? std::round(place) : std::floor(place);
    places.push_back(std::clamp(static_cast<int>(whole), 0, in - 1));
  }

  void add_bilinear(const Node& node, int i, int in, float scale) {
    const float place = node.half_pixel_centers ? (i + 0.5f) * scale - 0.5f : i * scale;
    places.push_back(std::clamp(static_cast<int>(std::floor(place)), 0, in - 1));
    // Beyond the first and the last pixel's center there is nothing to blend with.
    const bool between = place > 0.0f && places.back() + 1 < in;
    weights.push_back(between ? place - static_cast<float>(places.back()) : 0.0f);
  }
};

class ResizeStep : public Step {
 public:
  ResizeStep(const Node& node, const Planes& x, const Planes& y)
      : rows_(node, x.height, y.height), columns_(node, x.width, y.width) {
    args_.planes = y.batch * y.channels;
    args_.x_stride = x.stride;
    args_.y_stride = y.stride;
    args_.in_h = x.height;
    args_.in_w = x.width;
    args_.out_h = y.height;
    args_.out_w = y.width;
    args_.rows = rows_.places.data();
    args_.columns = columns_.places.data();
    args_.epilogue = node.epilogue;
    if (node.interpolation == Interpolation::kNearest) return;
    args_.row_weights = rows_.weights.data();
    args_.column_weights = columns_.weights.data();
  }

  void run(const RunContext& context) const override {
    context.pool.parallel_for(args_.planes, 1, [&](int begin, int end, int) {
      ResizeArgs args = args_;
      args.x = context.values[reads[0]] + begin * args.x_stride;
      args.y = context.values[writes[0]] + begin * args.y_stride;
      args.planes = end - begin;
      context.kernels.resize(args);
    });
  }

 private:
  ResizeAxis rows_, columns_;
  ResizeArgs args_{};  // of all images
};

}  // namespace

std::unique_ptr<Step> make_resize(const Node& node, Value x, const Planes& x_planes, Value y,
                                  const Planes& y_planes, const Kernels& kernels) {
  auto step = std::make_unique<ResizeStep>(node, x_planes, y_planes);
  const bool nearest = node.interpolation == Interpolation::kNearest;
  step->parts[0].kernel = std::string(nearest ? "nearest " : "bilinear ") + kernels.name;
  step->reads = {x};
  step->writes = {y};
  return step;
}

}  // namespace tfsparse
