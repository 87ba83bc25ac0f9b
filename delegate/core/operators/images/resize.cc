#include "delegate/core/operators/images/resize.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

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
template <class Weight>
struct ResizeAxis {
  std::vector<std::int32_t> indices;
  std::vector<Weight> weights;

  ResizeAxis(const Resize& resize, int in, int out) : in_(in), half_(resize.half_pixel_centers) {
    const int to_corners = resize.align_corners && out > 1;
    const int from = in - to_corners, to = out - to_corners;
    const float scale = static_cast<float>(from) / static_cast<float>(to);
    const std::int64_t fixed = (std::int64_t{int8::kResizeOne} * from + to / 2) / to;
    for (int i = 0; i < out; ++i) {
      if (resize.interpolation == Interpolation::kNearest) {
        add_nearest(resize, i, scale);
      } else if (std::is_floating_point<Weight>::value) {
        add_bilinear(i, scale);
      } else {
        add_fixed_bilinear(i, fixed);
      }
    }
    indices.resize(indices.size() + kOverread);
    weights.resize(weights.size() + kOverread);
  }

 private:
  // These follow TFLite's arithmetic exactly. Other rounding would select other pixels.
  void add_nearest(const Resize& resize, int i, float scale) {
    const float position = (i + (half_ ? 0.5f : 0.0f)) * scale;
    const float whole = resize.align_corners ? std::round(position) : std::floor(position);
    indices.push_back(std::clamp(static_cast<int>(whole), 0, in_ - 1));
  }

  void add_bilinear(int i, float scale) {
    const float position = half_ ? (i + 0.5f) * scale - 0.5f : i * scale;
    indices.push_back(std::clamp(static_cast<int>(std::floor(position)), 0, in_ - 1));
    // No interpolation beyond the centers of the first and last pixels.
    const bool between = position > 0.0f && indices.back() + 1 < in_;
    const float weight = between ? position - static_cast<float>(indices.back()) : 0.0f;
    weights.push_back(static_cast<Weight>(weight));
  }

  // Of int8 tensors. Positions are multiples of 1 / kResizeOne. Where TFLite's rounding leads it
  // beyond the last pixel, that pixel is meant.
  void add_fixed_bilinear(int i, std::int64_t scale) {
    constexpr std::int64_t kOne = int8::kResizeOne;
    const std::int64_t position = i * scale + (half_ ? scale / 2 - kOne / 2 : 0);
    const std::int64_t inside = std::clamp<std::int64_t>(position, 0, (in_ - 1) * kOne);
    indices.push_back(static_cast<std::int32_t>(inside / kOne));
    weights.push_back(static_cast<Weight>(inside % kOne));
  }

  int in_;
  bool half_;
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
  ResizeAxis<float> rows_, columns_;
  ResizeArgs args_;  // for all images
};

class Int8ResizeStep : public Step {
 public:
  Int8ResizeStep(const Resize& resize, const QuadLayout& x, const QuadLayout& y)
      : rows_(resize, x.height, y.height), columns_(resize, x.width, y.width) {
    describe_planes(x, y, &args_);
    args_.quads = y.batch * y.quads();
    args_.rows = rows_.indices.data();
    args_.columns = columns_.indices.data();
    if (resize.interpolation == Interpolation::kNearest) return;
    args_.row_weights = rows_.weights.data();
    args_.column_weights = columns_.weights.data();
  }

  void run(const RunContext& context) const override {
    context.pool.parallel_for(args_.quads, 1, [&](int begin, int end, int) {
      int8::ResizeArgs args = args_;
      args.x = bytes(context.values[reads[0]]) + begin * args.x_stride;
      args.y = bytes(context.values[writes[0]]) + begin * args.y_stride;
      args.quads = end - begin;
      context.int8_kernels.resize(args);
    });
  }

 private:
  ResizeAxis<std::int32_t> rows_, columns_;
  int8::ResizeArgs args_{};  // for all images
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

Status Resize::build_int8(PlanBuilder* builder, const Node& node) const {
  const Value x = builder->values().chw(node.inputs[0]);
  const Value y = builder->values().define_chw(node.output);
  auto step = std::make_unique<Int8ResizeStep>(*this, quad_layout(builder->shape(node.inputs[0])),
                                               quad_layout(builder->shape(node.output)));
  const bool nearest = interpolation == Interpolation::kNearest;
  step->parts[0].kernel = nearest ? "int8 nearest" : "int8 bilinear";
  step->reads = {x};
  step->writes = {y};
  builder->add(std::move(step), node);
  return {};
}

void Resize::hash(Hasher* hasher) const {
  hasher->add(interpolation, align_corners, half_pixel_centers, epilogue);
}

}  // namespace tfsparse
