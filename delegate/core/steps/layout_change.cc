#include "delegate/core/steps/layout_change.h"

#include <algorithm>

#include "delegate/core/lambda_step.h"

namespace tfsparse {
namespace {

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
