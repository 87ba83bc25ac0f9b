// Steps that are one loop over values: layout changes, padding, softmax.
#include <algorithm>

#include "delegate/core/step.h"

namespace tfsparse {
namespace {

// A step that is one lambda: for operators with nothing to set up.
template <typename Body>
class LambdaStep : public Step {
 public:
  explicit LambdaStep(Body body) : body_(std::move(body)) {}
  void run(const RunContext& context) const override { body_(context); }

 private:
  Body body_;
};

template <typename Body>
std::unique_ptr<Step> make_step(const char* kernel, Value x, Value y, Body body) {
  auto step = std::make_unique<LambdaStep<Body>>(std::move(body));
  step->parts[0].kernel = kernel;
  step->reads = {x};
  step->writes = {y};
  return step;
}

// Shares the pixels of each image among the threads. Calls body(place in TFLite's order, place in
// planes, pixels) for each part.
template <typename Body>
void share_pixels(const RunContext& context, const Planes& planes, const Body& body) {
  constexpr int kLine = 16;  // pixels that no two threads should write in one plane
  const int grain = (kGrain / std::max(1, planes.channels) / kLine + 1) * kLine;
  for (int image = 0; image < planes.batch; ++image) {
    context.pool.parallel_for(planes.pixels(), grain, [&](int begin, int end, int) {
      const std::size_t pixel = static_cast<std::size_t>(image) * planes.pixels() + begin;
      body(pixel * planes.channels, image * planes.image() + begin, end - begin);
    });
  }
}

}  // namespace

std::uint64_t plane_stride(std::uint64_t pixels) {
  if (pixels <= 1) return 1;
  constexpr std::uint64_t kLine = 16;  // float32 numbers in a cache line
  return ((pixels + kLine - 1) / kLine | 1) * kLine;
}

Planes planes_of(const Shape& shape) {
  if (element_count(shape) == 0) return {};
  Planes planes{1, 1, 1, shape.empty() ? 1 : shape.back(), 0};
  if (shape.size() == 4) {
    planes = {shape[0], shape[1], shape[2], shape[3], 0};
  } else {
    for (std::size_t dim = 0; dim + 1 < shape.size(); ++dim) planes.height *= shape[dim];
  }
  planes.stride = plane_stride(static_cast<std::uint64_t>(planes.height) * planes.width);
  return planes;
}

bool is_image(const Shape& shape) {
  const Planes planes = planes_of(shape);
  return planes.height != 1 || planes.width != 1;
}

bool have_same_planes(const Shape& a, const Shape& b) {
  const Planes p = planes_of(a), q = planes_of(b);
  return p.batch == q.batch && p.pixels() == q.pixels() && p.channels == q.channels;
}

std::unique_ptr<Step> make_softmax(Value x, Value y, int rows, int depth, float beta) {
  return make_step("softmax", x, y, [=](const RunContext& context) {
    for (int row = 0; row < rows; ++row) {
      const std::size_t at = static_cast<std::size_t>(row) * depth;
      context.kernels.softmax(context.values[x] + at, context.values[y] + at, depth, beta);
    }
  });
}

std::unique_ptr<Step> make_pad_planes(const Node& node, Value x, const Planes& x_planes, Value y,
                                      const Planes& y_planes) {
  const std::vector<int> begin = node.begin;
  return make_step("pad", x, y, [=](const RunContext& context) {
    const int count = y_planes.batch * y_planes.channels;
    context.pool.parallel_for(count, 1, [&](int first, int last, int) {
      for (int plane = first; plane < last; ++plane) {
        const int image = plane / y_planes.channels - begin[0];
        const int channel = plane % y_planes.channels - begin[3];
        const bool inside =
            image >= 0 && image < x_planes.batch && channel >= 0 && channel < x_planes.channels;
        PadArgs args{};
        if (inside) {
          args.x = context.values[x] + image * x_planes.image() + channel * x_planes.stride;
          args.in_h = x_planes.height;
        }
        args.in_w = x_planes.width;
        args.x_pixel_stride = 1;
        args.x_row_stride = x_planes.width;
        args.y = context.values[y] + plane * y_planes.stride;
        args.out_h = y_planes.height;
        args.out_w = y_planes.width;
        args.pad_top = begin[1];
        args.pad_left = begin[2];
        args.stride_h = args.stride_w = args.phases_h = args.phases_w = 1;
        args.row_stride = y_planes.width;
        context.kernels.pad(args);
      }
    });
  });
}

std::unique_ptr<Step> make_from_floats(Value x, Value y, std::size_t count) {
  return make_step("from float32", x, y, [=](const RunContext& context) {
    const void* from = context.values[x];
    context.kernels.from_floats(static_cast<const float*>(from), context.values[y], count);
  });
}

std::unique_ptr<Step> make_to_floats(Value x, Value y, std::size_t count) {
  return make_step("to float32", x, y, [=](const RunContext& context) {
    void* to = context.values[y];
    context.kernels.to_floats(context.values[x], static_cast<float*>(to), count);
  });
}

std::unique_ptr<Step> make_to_planes(Value x, Value y, const Planes& planes) {
  return make_step("to planes", x, y, [=](const RunContext& context) {
    share_pixels(context, planes, [&](std::size_t flat, std::size_t in_planes, int pixels) {
      context.kernels.to_planes(context.values[x] + flat, context.values[y] + in_planes, pixels,
                                planes.channels, planes.stride);
    });
  });
}

std::unique_ptr<Step> make_from_planes(Value x, Value y, const Planes& planes) {
  return make_step("from planes", x, y, [=](const RunContext& context) {
    share_pixels(context, planes, [&](std::size_t flat, std::size_t in_planes, int pixels) {
      context.kernels.from_planes({context.values[x] + in_planes, context.values[y] + flat, pixels,
                                   planes.channels, planes.stride});
    });
  });
}

}  // namespace tfsparse
