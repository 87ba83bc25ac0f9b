// Speed of all kernels but 1x1 convolutions, on layers of MobileNetV2 at 224 x 224, one thread.
//
//   avx2="-mavx2 -mfma -mf16c" avx512="$avx2 -mavx512f -mavx512bw -mavx512vl -mavx512dq"
//   c="g++ -std=c++17 -O3 -ffp-contract=off -I." && k=delegate/kernels && b=delegate/bench &&
//   mkdir -p build/bench && for isa in avx512 avx2; do
//     $c ${!isa} -c $k/isa/$isa.cc -o build/bench/$isa.o &&
//     $c ${!isa} -c $b/limits.cc -o build/bench/limits_$isa.o; done &&
//   $c $b/kernels_bench.cc $b/limits.cc $k/isa/{portable,select}.cc
//      delegate/core/plan/memory.cc delegate/core/weights/{pack,product}.cc build/bench/*.o
//      -o build/bench/kernels && build/bench/kernels
//
// TFSPARSE_ISA=avx2 or =portable measures a slower set. A word on the command line selects the
// sections with that word in their name. GFLOP/s count two operations per nonzero weight and pixel.
// Percents are of the limit of FMAs in registers, and of that with a load for each FMA for rows.
#include <algorithm>

#include "delegate/bench/bench.h"
#include "delegate/core/weights/product.h"

namespace tfsparse {
namespace bench {
namespace {

struct Depthwise {
  int size, channels, stride, count;
};
constexpr Depthwise kDepthwise[] = {
    {112, 32, 1, 1}, {112, 96, 2, 1}, {56, 144, 1, 1}, {56, 144, 2, 1}, {28, 192, 1, 2},
    {28, 192, 2, 1}, {14, 384, 1, 4}, {14, 576, 1, 2}, {14, 576, 2, 1}, {7, 960, 1, 3},
};

void bench_depthwise(const Kernels& k, int kernel) {
  double total = 0;
  for (const Depthwise& d : kDepthwise) {
    const int out = (d.size - 1) / d.stride + 1;
    const std::size_t in_plane = plane_stride(d.size * d.size), out_plane = plane_stride(out * out);
    const auto x = random_floats(in_plane * d.channels);
    auto y = random_floats(out_plane * d.channels);
    const auto weights = random_floats(kernel * kernel * d.channels);
    const auto bias = random_floats(d.channels);
    DepthwiseArgs a{};
    a.x = Padded<const void>(x.data());
    a.y = y.data();
    a.planes = d.channels;
    a.x_stride = in_plane;
    a.y_stride = out_plane;
    a.in_h = a.in_w = d.size;
    a.out_h = a.out_w = out;
    a.kernel_h = a.kernel_w = kernel;
    a.stride_h = a.stride_w = d.stride;
    a.dilation_h = a.dilation_w = 1;
    a.pad_top = a.pad_left = (kernel - d.stride) / 2;
    a.weights = weights.data();
    a.bias = bias.data();
    clamp_to_relu6(a.epilogue);
    auto scratch = random_floats(k.depthwise_scratch(a));
    a.scratch = scratch.data();
    const double t = seconds([&] { k.depthwise(a); });
    total += t * d.count;
    const Rate rate(2.0 * kernel * kernel * out * out * d.channels, t, limits().fma);
    std::printf("  %3d px x %4d, stride %d, x%d: %6.1f us %6.1f GFLOP/s %3.0f %%\n", d.size,
                d.channels, d.stride, d.count, t * 1e6, rate.gflops, rate.percent);
  }
  std::printf("  whole network: %.3f ms\n", total * 1e3);
}

// The network's first layer: an HWC image of 3 channels, 3x3, stride 2, 32 outputs.
void bench_stem(const Kernels& k) {
  constexpr int kSize = 224, kChannels = 3, kOut = 112, kRows = 32, kTaps = 27;
  constexpr int kRow = 113, kPhase = 113 * kRow, kPlane = 4 * kPhase;
  const auto image = random_floats(kSize * kSize * kChannels);
  const Buffer padded(kChannels * kPlane, sizeof(float)), y(kRows * kOut * kOut, sizeof(float));
  const double pad_time = seconds([&] {
    for (int c = 0; c < kChannels; ++c) {
      PadArgs a{};
      a.x = image.data() + c;
      a.in_h = a.in_w = kSize;
      a.x_pixel_stride = kChannels;
      a.x_row_stride = kSize * kChannels;
      a.y = padded.data() + c * kPlane;
      a.out_h = a.out_w = kSize + 1;
      a.stride_h = a.stride_w = a.phases_h = a.phases_w = 2;
      a.row_stride = kRow;
      a.row_phase_stride = 2 * kPhase;
      a.column_phase_stride = kPhase;
      k.pad(a);
    }
  });
  Product::Weights weights{std::vector<float>(kRows * kTaps, 0.1f), kRows, {}, 9, 4, 2 * kRow};
  for (int tap = 0; tap < kTaps; ++tap) {
    const int c = tap / 9, ky = tap / 3 % 3, kx = tap % 3;
    weights.taps.push_back(
        {tap, c * kPlane + (ky % 2 * 2 + kx % 2) * kPhase + ky / 2 * kRow + kx / 2});
  }
  Epilogue epilogue;
  clamp_to_relu6(epilogue);
  Product product;
  product.pack(weights, std::vector<float>(kRows), epilogue, kOut, k);
  const double time = seconds([&] {
    for (int row = 0; row < kOut; ++row) {
      product.multiply(k, {}, padded.data() + row * 2 * kRow, y.data() + row * kOut, kOut * kOut,
                       PaddedElements(), kOut);
    }
  });
  const Rate rate(2.0 * kOut * kOut * kRows * kTaps, time, limits().fma);
  std::printf("  pad %.1f us, %.1f GB/s read; %s %.1f us, %.1f GFLOP/s %.0f %%\n", pad_time * 1e6,
              4e-9 * kSize * kSize * kChannels / pad_time, product.name().c_str(), time * 1e6,
              rate.gflops, rate.percent);
}

void bench_pool(const Kernels& k) {
  struct Case {
    int size, channels, window, stride;
  };
  for (const Case c : {Case{112, 64, 3, 2}, Case{56, 64, 2, 2}, Case{28, 192, 3, 1}}) {
    const int out = (c.size - 1) / c.stride + 1;
    const auto x = random_floats(plane_stride(c.size * c.size) * c.channels);
    auto y = random_floats(plane_stride(out * out) * c.channels);
    PoolArgs a{};
    a.x = x.data();
    a.y = y.data();
    a.planes = c.channels;
    a.x_stride = plane_stride(c.size * c.size);
    a.y_stride = plane_stride(out * out);
    a.in_h = a.in_w = c.size;
    a.out_h = a.out_w = out;
    a.window_h = a.window_w = c.window;
    a.stride_h = a.stride_w = c.stride;
    a.pad_top = a.pad_left = (c.window - c.stride) / 2;
    for (const Pooling op : {Pooling::kAverage, Pooling::kMax}) {
      a.op = op;
      const double t = seconds([&] { k.pool(a); });
      std::printf("  %s %3d px x %3d, window %d, stride %d: %6.1f us %5.1f GB/s\n",
                  op == Pooling::kMax ? "max    " : "average", c.size, c.channels, c.window,
                  c.stride, t * 1e6, 4e-9 * c.channels * (c.size * c.size + out * out) / t);
    }
  }
}

// To twice the size, as in the decoder of a segmentation network.
void bench_resize(const Kernels& k) {
  constexpr int kSize = 56, kOut = 2 * kSize, kChannels = 64;
  std::vector<std::int32_t> indices(kOut + kOverread);
  std::vector<float> weights(kOut + kOverread);
  for (int i = 0; i < kOut; ++i) {
    const float position = std::max(0.0f, 0.5f * i - 0.25f);
    indices[i] = static_cast<std::int32_t>(position);
    weights[i] = indices[i] + 1 < kSize ? position - indices[i] : 0.0f;
  }
  const auto x = random_floats(plane_stride(kSize * kSize) * kChannels);
  auto y = random_floats(plane_stride(kOut * kOut) * kChannels);
  ResizeArgs a{};
  a.x = x.data();
  a.y = y.data();
  a.planes = kChannels;
  a.x_stride = plane_stride(kSize * kSize);
  a.y_stride = plane_stride(kOut * kOut);
  a.in_h = a.in_w = kSize;
  a.out_h = a.out_w = kOut;
  a.rows = a.columns = indices.data();
  for (const bool bilinear : {false, true}) {
    a.row_weights = a.column_weights = bilinear ? weights.data() : nullptr;
    const double t = seconds([&] { k.resize(a); });
    std::printf("  %s %d -> %d px x %d: %6.1f us %5.1f GB/s\n", bilinear ? "bilinear" : "nearest ",
                kSize, kOut, kChannels, t * 1e6,
                4e-9 * kChannels * (kSize * kSize + kOut * kOut) / t);
  }
}

void bench_elementwise(const Kernels& k) {
  constexpr std::size_t kSizes[] = {56 * 56 * 24, 14 * 14 * 96};
  struct Function {
    const char* name;
    Activation activation;
  };
  constexpr Function kFunctions[] = {
      {"clamp", Activation::kNone},      {"hard-swish", Activation::kHardSwish},
      {"sigmoid", Activation::kSigmoid}, {"swish", Activation::kSwish},
      {"tanh", Activation::kTanh},       {"gelu", Activation::kGelu}};
  for (const std::size_t n : kSizes) {
    const auto x = random_floats(n), other = random_floats(n);
    auto y = random_floats(n);
    for (const Function& function : kFunctions) {
      UnaryArgs a{};
      a.op = Unary::kIdentity;
      a.x = x.data();
      a.y = y.data();
      a.n = n;
      a.epilogue.activation = function.activation;
      if (function.activation == Activation::kNone) clamp_to_relu6(a.epilogue);
      const double t = seconds([&] { k.unary(a); });
      std::printf("  %-10s %6zu: %6.1f us %6.1f GB/s\n", function.name, n, t * 1e6, 8e-9 * n / t);
    }
    BinaryArgs a{};
    a.op = Binary::kAdd;
    a.a = x.data();
    a.b = other.data();
    a.a_step = a.b_step = 1;
    a.y = y.data();
    a.n = n;
    const double t = seconds([&] { k.binary(a); });
    std::printf("  %-10s %6zu: %6.1f us %6.1f GB/s\n", "add", n, t * 1e6, 12e-9 * n / t);
  }
  const auto x = random_floats(1280 * 49);
  volatile float kept = 0.0f;
  const double t = seconds([&] {
    for (int c = 0; c < 1280; ++c) kept = k.sum(x.data() + c * 49, 49);
  });
  std::printf("  mean of 1280 planes of 7x7: %.1f us %.1f GB/s\n", t * 1e6, 4e-9 * 1280 * 49 / t);
}

void bench_layout(const Kernels& k) {
  struct Shape {
    int pixels, channels;
  };
  for (const Shape s :
       {Shape{224 * 224, 3}, Shape{112 * 112, 2}, Shape{112 * 112, 32}, Shape{14 * 14, 576}}) {
    const std::size_t n = static_cast<std::size_t>(s.pixels) * s.channels;
    auto image = random_floats(n), planes = random_floats(n);
    const double there =
        seconds([&] { k.to_chw(image.data(), planes.data(), s.pixels, s.channels, s.pixels); });
    const double back = seconds([&] {
      k.from_chw(
          {planes.data(), image.data(), s.pixels, s.channels, static_cast<std::size_t>(s.pixels)});
    });
    std::printf("  %5d px x %3d: to CHW %6.1f us %5.1f GB/s, back %6.1f us %5.1f GB/s\n", s.pixels,
                s.channels, there * 1e6, 8e-9 * n / there, back * 1e6, 8e-9 * n / back);
  }
}

void bench_rows(const Kernels& k) {
  constexpr int kDepth = 1280, kRows = 1000;
  const auto x = random_floats(kDepth);
  const auto weights = random_floats(kDepth * kRows);
  auto y = random_floats(kRows);
  const auto bench_dense = [&](const char* name, auto kernel, const auto& matrix) {
    using Weight = std::decay_t<decltype(matrix[0])>;
    if (kernel == nullptr) return;
    RowsArgs dense{};
    dense.x = x.data();
    dense.y = y.data();
    dense.rows = kRows;
    dense.depth = kDepth;
    dense.weights = matrix.data();
    const double t = seconds([&] { kernel(dense); });
    std::printf("  %s 1280 -> 1000: %6.1f us %5.1f GB/s\n", name, t * 1e6,
                1e-9 * sizeof(Weight) * matrix.size() / t);
  };
  bench_dense("float32", k.dense_rows, weights);
  bench_dense("float16", k.half_rows, std::vector<std::uint16_t>(weights.size(), 0x3c00));
  for (const double density : {0.2, 0.1}) {
    const SparseLayer layer(1, kRows, 0, kDepth, density, 1);
    const SparseRows packed = pack_rows(layer.dense, kRows, kDepth, k);
    SparseRowsArgs a{};
    a.x = x.data();
    a.y = y.data();
    packed.describe(0, kRows, &a);
    const double s = seconds([&] { k.sparse_rows(a); });
    const Rate rate(2.0 * static_cast<double>(packed.row_begin.back()), s, limits().load);
    std::printf("  %2.0f %% zeros:          %6.1f us %5.1f GFLOP/s %3.0f %%\n", 100 * (1 - density),
                s * 1e6, rate.gflops, rate.percent);
  }
}

}  // namespace
}  // namespace bench
}  // namespace tfsparse

int main(int argc, char** argv) {
  using namespace tfsparse::bench;
  const tfsparse::Kernels& k = tfsparse::best_kernels();
  print_limits();
  section(argc, argv, "depthwise 3x3", [&] { bench_depthwise(k, 3); });
  section(argc, argv, "depthwise 5x5", [&] { bench_depthwise(k, 5); });
  section(argc, argv, "depthwise 7x7", [&] { bench_depthwise(k, 7); });
  section(argc, argv, "stem", [&] { bench_stem(k); });
  section(argc, argv, "pool", [&] { bench_pool(k); });
  section(argc, argv, "resize", [&] { bench_resize(k); });
  section(argc, argv, "elementwise", [&] { bench_elementwise(k); });
  section(argc, argv, "layout", [&] { bench_layout(k); });
  section(argc, argv, "rows", [&] { bench_rows(k); });
  return 0;
}
