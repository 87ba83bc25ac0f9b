#include "delegate/core/steps/layout_change.h"

#include <algorithm>

#include "delegate/core/plan/lambda_step.h"

namespace tfsparse {
namespace {

// Splits the pixels of each image among the threads. Calls body(offset in TFLite's order, offset in
// CHW, pixels) for each part. `pixel_elements` is a pixel's part of a plane.
template <class Layout, typename Body>
void share_pixels(const RunContext& context, const Layout& chw, int pixel_elements,
                  const Body& body) {
  constexpr int kLine = 16;  // pixels: threads should not share cache lines of a plane
  const int grain = (kGrain / std::max(1, chw.channels) / kLine + 1) * kLine;
  for (int image = 0; image < chw.batch; ++image) {
    context.pool.parallel_for(chw.pixels(), grain, [&](int begin, int end, int) {
      const std::size_t pixel = static_cast<std::size_t>(image) * chw.pixels() + begin;
      body(pixel * chw.channels,
           image * chw.image() + static_cast<std::size_t>(begin) * pixel_elements, end - begin);
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

std::unique_ptr<Step> make_copy(Value x, Value y, std::size_t bytes) {
  return make_step("copy", x, y, [=](const RunContext& context) {
    copy(context.values[x], context.values[y], bytes);
  });
}

std::unique_ptr<Step> make_to_chw(Value x, Value y, const ChwLayout& chw) {
  return make_step("to CHW", x, y, [=](const RunContext& context) {
    share_pixels(context, chw, 1, [&](std::size_t flat, std::size_t in_chw, int pixels) {
      context.kernels.to_chw(context.values[x] + flat, context.values[y] + in_chw, pixels,
                             chw.channels, chw.stride);
    });
  });
}

std::unique_ptr<Step> make_from_chw(Value x, Value y, const ChwLayout& chw) {
  const auto stride = static_cast<std::size_t>(chw.stride);
  return make_step("from CHW", x, y, [=](const RunContext& context) {
    share_pixels(context, chw, 1, [&](std::size_t flat, std::size_t in_chw, int pixels) {
      context.kernels.from_chw(
          {context.values[x] + in_chw, context.values[y] + flat, pixels, chw.channels, stride});
    });
  });
}

std::unique_ptr<Step> make_to_quads(Value x, Value y, const QuadLayout& quads) {
  const auto stride = static_cast<std::size_t>(quads.stride);
  return make_step("to CHW", x, y, [=](const RunContext& context) {
    share_pixels(context, quads, int8::kQuad, [&](std::size_t flat, std::size_t in_quads, int n) {
      context.int8_kernels.to_quads({bytes(context.values[x]) + flat,
                                     bytes(context.values[y]) + in_quads, n, quads.channels,
                                     stride});
    });
  });
}

std::unique_ptr<Step> make_from_quads(Value x, Value y, const QuadLayout& quads) {
  const auto stride = static_cast<std::size_t>(quads.stride);
  return make_step("from CHW", x, y, [=](const RunContext& context) {
    share_pixels(context, quads, int8::kQuad, [&](std::size_t flat, std::size_t in_quads, int n) {
      context.int8_kernels.from_quads({bytes(context.values[x]) + in_quads,
                                       bytes(context.values[y]) + flat, n, quads.channels, stride});
    });
  });
}

}  // namespace tfsparse
