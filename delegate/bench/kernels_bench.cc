// Speed of each kernel on the layer shapes of MobileNetV2 at 224 x 224, one thread.
//
//   c="g++ -std=c++17 -O3 -ffp-contract=off -I." && mkdir -p build/bench &&
//   $c -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -c delegate/kernels/isa/avx512.cc
//      -o build/bench/avx512.o &&
//   $c -mavx2 -mfma -c delegate/kernels/isa/avx2.cc -o build/bench/avx2.o &&
//   $c delegate/bench/kernels_bench.cc delegate/kernels/isa/{portable,select}.cc build/bench/*.o
//      -o build/bench/kernels && build/bench/kernels
//
// TFSPARSE_ISA=avx2 or =portable measures a slower set. A word on the command line chooses the
// sections whose name contains it. GFLOP/s count two operations for each nonzero weight and pixel.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <new>
#include <random>
#include <vector>

#include "delegate/kernels/kernels.h"

namespace tfsparse {
namespace {

// Seconds of one call: the least over batches of calls, so that other work on the machine shows
// little.
template <class F>
double seconds(const F& call) {
  using Clock = std::chrono::steady_clock;
  const auto time = [&call](int calls) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) call();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  constexpr double kBatch = 1e-3;
  const int calls = static_cast<int>(kBatch / std::max(time(1), 1e-8)) + 1;
  double least = 1e9;
  for (int batch = 0; batch < 12; ++batch) least = std::min(least, time(calls) / calls);
  return least;
}

// A 64-byte load that crosses a cache line costs two: buffers begin at one, planes are multiples of
// one, as an engine would lay them out.
template <class T>
struct CacheLineAllocator {
  using value_type = T;
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64}));
  }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t{64}); }
  bool operator==(const CacheLineAllocator&) const { return true; }
  bool operator!=(const CacheLineAllocator&) const { return false; }
};
using Floats = std::vector<float, CacheLineAllocator<float>>;

int plane_stride(int pixels) { return (pixels + 15) / 16 * 16; }

Floats random_floats(std::size_t n) {
  static std::minstd_rand engine(1);
  Floats v(n + kOverread);
  for (float& x : v) x = static_cast<float>(engine()) / engine.max() - 0.5f;
  return v;
}

struct Pointwise {
  int size, in, out, count;  // size * size pixels, channels, how often in the network
};
constexpr Pointwise kPointwise[] = {
    {112, 32, 16, 1}, {112, 16, 96, 1}, {56, 96, 24, 1},  {56, 24, 144, 2},  {56, 144, 24, 1},
    {28, 144, 32, 1}, {28, 32, 192, 3}, {28, 192, 32, 2}, {14, 192, 64, 1},  {14, 64, 384, 4},
    {14, 384, 64, 3}, {14, 384, 96, 1}, {14, 96, 576, 3}, {14, 576, 96, 2},  {7, 576, 160, 1},
    {7, 160, 960, 3}, {7, 960, 160, 2}, {7, 960, 320, 1}, {7, 320, 1280, 1},
};

struct Depthwise {
  int size, channels, stride, count;
};
constexpr Depthwise kDepthwise[] = {
    {112, 32, 1, 1}, {112, 96, 2, 1}, {56, 144, 1, 1}, {56, 144, 2, 1}, {28, 192, 1, 2},
    {28, 192, 2, 1}, {14, 384, 1, 4}, {14, 576, 1, 2}, {14, 576, 2, 1}, {7, 960, 1, 3},
};

// Rows of random weights over the channels [first, last), `density` of them not zero, planes
// `stride` floats apart.
struct SparseLayer {
  Floats values, bias;
  std::vector<std::int32_t> offsets, row_nnz;

  SparseLayer(int rows, int first, int last, double density, int stride)
      : bias(random_floats(rows)) {
    std::mt19937 engine(first + 2);
    std::bernoulli_distribution keep(density);
    for (int row = 0; row < rows; ++row) {
      const std::size_t before = values.size();
      for (int c = first; c < last; ++c) {
        if (!keep(engine)) continue;
        values.push_back(0.1f);
        offsets.push_back(c * stride);
      }
      row_nnz.push_back(static_cast<std::int32_t>(values.size() - before));
    }
  }
};

void clamp_to_relu6(Epilogue& e) { e.lo = 0.0f, e.hi = 6.0f; }

// How a layer is cut: `direct` tile by tile, `split` also into parts of the reduction whose inputs
// fit L1, `packed` with the pixels of a tile first copied next to each other.
enum class Cut { kDirect, kSplit, kPackedSplit };
constexpr const char* kCutNames[] = {"direct", "split", "packed split"};

double time_spmm(const Kernels& k, const Pointwise& p, double density, int tile, Cut cut) {
  constexpr int kL1Floats = 6 * 1024;  // 24 KB of a 32 KB L1
  const int pixels = p.size * p.size, stride = plane_stride(pixels), run = tile * k.lanes;
  const bool pack = cut == Cut::kPackedSplit;
  const int fitting = std::max(16, kL1Floats / run);
  const int parts = cut == Cut::kDirect ? 1 : (p.in + fitting - 1) / fitting;
  std::vector<SparseLayer> layers;
  for (int part = 0; part < parts; ++part) {
    layers.emplace_back(p.out, p.in * part / parts, p.in * (part + 1) / parts, density,
                        pack ? run : stride);
  }
  const auto x = random_floats(static_cast<std::size_t>(p.in) * stride);
  auto y = random_floats(static_cast<std::size_t>(p.out) * stride);
  auto packed = random_floats(static_cast<std::size_t>(p.in) * run);
  SpmmArgs a{};
  a.y_stride = stride;
  a.rows = p.out;
  a.tile = tile;
  clamp_to_relu6(a.epilogue);
  PadArgs copy{};
  copy.in_h = copy.out_h = p.in;
  copy.x_pixel_stride = copy.stride_w = 1;
  copy.x_row_stride = stride;
  copy.y = packed.data();
  copy.row_stride = run;
  return seconds([&] {
    for (int first = 0; first < pixels; first += run) {
      a.n = std::min(run, pixels - first);
      a.x = x.data() + first;
      a.y = y.data() + first;
      if (pack) {
        copy.x = a.x;
        copy.in_w = copy.out_w = a.n;
        k.pad(copy);
        a.x = packed.data();
      }
      for (int part = 0; part < parts; ++part) {
        a.values = layers[part].values.data();
        a.offsets = layers[part].offsets.data();
        a.row_nnz = layers[part].row_nnz.data();
        a.bias = layers[part].bias.data();
        a.accumulate = part > 0;
        a.finish = part == parts - 1;
        k.spmm(a);
      }
    }
  });
}

void bench_spmm(const Kernels& k, double density) {
  double total = 0.0;
  for (const Pointwise& p : kPointwise) {
    std::printf("  %3d px %4d -> %4d x%d:", p.size, p.in, p.out, p.count);
    const double flop = 2.0 * p.size * p.size * p.in * p.out * density;
    double best = 1e9;
    for (const Cut cut : {Cut::kDirect, Cut::kSplit, Cut::kPackedSplit}) {
      double least = 1e9;
      int best_tile = 0;
      for (int tile = 2; tile <= k.max_tile; ++tile) {
        const double t = time_spmm(k, p, density, tile, cut);
        if (t < least) least = t, best_tile = tile;
      }
      best = std::min(best, least);
      std::printf("  %s %6.1f us %5.1f GFLOP/s (tile %2d)", kCutNames[static_cast<int>(cut)],
                  least * 1e6, flop / least * 1e-9, best_tile);
    }
    total += best * p.count;
    std::printf("\n");
  }
  std::printf("  whole network, the best cut of each layer: %.3f ms\n", total * 1e3);
}

void bench_gemm(const Kernels& k) {
  double total = 0;
  for (const Pointwise& p : kPointwise) {
    const int pixels = p.size * p.size, stride = plane_stride(pixels);
    const int blocks = (p.out + k.gemm_rows - 1) / k.gemm_rows;
    const auto x = random_floats(static_cast<std::size_t>(p.in) * stride);
    const auto weights = random_floats(static_cast<std::size_t>(blocks) * p.in * k.gemm_rows);
    auto y = random_floats(static_cast<std::size_t>(p.out) * stride);
    std::vector<std::int32_t> offsets;
    for (int c = 0; c < p.in; ++c) offsets.push_back(c * stride);
    GemmArgs a{};
    a.x = x.data();
    a.y = y.data();
    a.y_stride = stride;
    a.n = pixels;
    a.rows = p.out;
    a.depth = p.in;
    a.weights = weights.data();
    a.offsets = offsets.data();
    clamp_to_relu6(a.epilogue);
    const double t = seconds([&] { k.gemm(a); });
    total += t * p.count;
    std::printf("  %3d px %4d -> %4d x%d: %6.1f us %6.1f GFLOP/s\n", p.size, p.in, p.out, p.count,
                t * 1e6, 2.0 * pixels * p.in * p.out / t * 1e-9);
  }
  std::printf("  whole network: %.3f ms\n", total * 1e3);
}

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
    a.x = x.data();
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
    const double flop = 2.0 * kernel * kernel * out * out * d.channels;
    std::printf("  %3d px x %4d, stride %d, x%d: %6.1f us %6.1f GFLOP/s\n", d.size, d.channels,
                d.stride, d.count, t * 1e6, flop / t * 1e-9);
  }
  std::printf("  whole network: %.3f ms\n", total * 1e3);
}

// The network's first layer: an HWC image of 3 channels, 3x3, stride 2, 32 outputs.
void bench_stem(const Kernels& k) {
  constexpr int kSize = 224, kChannels = 3, kOut = 112, kRows = 32, kTaps = 27;
  constexpr int kPhase = 113, kRow = 2 * kPhase, kPlane = 225 * kRow;
  const auto image = random_floats(kSize * kSize * kChannels);
  auto padded = random_floats(kChannels * kPlane), y = random_floats(kRows * kOut * kOut);
  const double pad_time = seconds([&] {
    for (int c = 0; c < kChannels; ++c) {
      PadArgs a{};
      a.x = image.data() + c;
      a.in_h = a.in_w = kSize;
      a.x_pixel_stride = kChannels;
      a.x_row_stride = kSize * kChannels;
      a.y = padded.data() + c * kPlane;
      a.out_h = a.out_w = kSize + 1;
      a.stride_w = 2;
      a.row_stride = kRow;
      a.phase_stride = kPhase;
      k.pad(a);
    }
  });
  const auto weights = random_floats(kRows * kTaps);
  std::vector<std::int32_t> offsets;
  for (int tap = 0; tap < kTaps; ++tap) {
    const int c = tap / 9, ky = tap / 3 % 3, kx = tap % 3;
    offsets.push_back(c * kPlane + ky * kRow + kx % 2 * kPhase + kx / 2);
  }
  GemmArgs a{};
  a.y_stride = kOut * kOut;
  a.n = kOut;
  a.rows = kRows;
  a.depth = kTaps;
  a.weights = weights.data();
  a.offsets = offsets.data();
  clamp_to_relu6(a.epilogue);
  const double gemm_time = seconds([&] {
    for (int row = 0; row < kOut; ++row) {
      a.x = padded.data() + row * 2 * kRow;
      a.y = y.data() + row * kOut;
      k.gemm(a);
    }
  });
  std::printf("  pad %.1f us, %.1f GB/s read; gemm %.1f us, %.1f GFLOP/s\n", pad_time * 1e6,
              4e-9 * kSize * kSize * kChannels / pad_time, gemm_time * 1e6,
              2e-9 * kOut * kOut * kRows * kTaps / gemm_time);
}

void bench_elementwise(const Kernels& k) {
  constexpr std::size_t kSizes[] = {56 * 56 * 24, 14 * 14 * 96};
  constexpr const char* kUnary[] = {"clamp", "hard-swish", "sigmoid", "swish"};
  for (const std::size_t n : kSizes) {
    const auto x = random_floats(n), other = random_floats(n);
    auto y = random_floats(n);
    for (int op = 0; op < 4; ++op) {
      UnaryArgs a{};
      a.op = static_cast<Unary>(op);
      a.x = x.data();
      a.y = y.data();
      a.n = n;
      clamp_to_relu6(a.epilogue);
      const double t = seconds([&] { k.unary(a); });
      std::printf("  %-10s %6zu: %6.1f us %6.1f GB/s\n", kUnary[op], n, t * 1e6, 8e-9 * n / t);
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
  for (const Shape s : {Shape{224 * 224, 3}, Shape{112 * 112, 32}, Shape{14 * 14, 576}}) {
    const std::size_t n = static_cast<std::size_t>(s.pixels) * s.channels;
    auto image = random_floats(n), planes = random_floats(n);
    const double there =
        seconds([&] { k.to_planes(image.data(), planes.data(), s.pixels, s.channels, s.pixels); });
    const double back = seconds(
        [&] { k.from_planes(planes.data(), image.data(), s.pixels, s.channels, s.pixels); });
    std::printf("  %5d px x %3d: to planes %6.1f us %5.1f GB/s, back %6.1f us %5.1f GB/s\n",
                s.pixels, s.channels, there * 1e6, 8e-9 * n / there, back * 1e6, 8e-9 * n / back);
  }
}

void bench_rows(const Kernels& k) {
  constexpr Pointwise kClassifier = {1, 1280, 1000, 1};
  const auto x = random_floats(kClassifier.in);
  const auto weights = random_floats(kClassifier.in * kClassifier.out);
  auto y = random_floats(kClassifier.out);
  DenseRowsArgs dense{};
  dense.x = x.data();
  dense.y = y.data();
  dense.rows = kClassifier.out;
  dense.depth = kClassifier.in;
  dense.weights = weights.data();
  const double t = seconds([&] { k.dense_rows(dense); });
  std::printf("  dense 1280 -> 1000: %6.1f us %5.1f GB/s\n", t * 1e6,
              4e-9 * dense.rows * dense.depth / t);
  for (const double density : {0.2, 0.1}) {
    const SparseLayer layer(kClassifier.out, 0, kClassifier.in, density, 1);
    SparseRowsArgs a{};
    a.x = x.data();
    a.y = y.data();
    a.rows = kClassifier.out;
    a.values = layer.values.data();
    a.offsets = layer.offsets.data();
    a.row_nnz = layer.row_nnz.data();
    const double s = seconds([&] { k.sparse_rows(a); });
    std::printf("  %2.0f %% zeros:          %6.1f us %5.1f GFLOP/s\n", 100 * (1 - density), s * 1e6,
                2e-9 * layer.values.size() / s);
  }
}

}  // namespace
}  // namespace tfsparse

int main(int argc, char** argv) {
  using namespace tfsparse;
  const Kernels& k = best_kernels();
  std::printf("%s\n", k.name);
  const auto section = [&](const char* name, auto bench) {
    if (argc > 1 && !std::strstr(name, argv[1])) return;
    std::printf("%s\n", name);
    bench();
  };
  section("spmm, 80 % zeros", [&] { bench_spmm(k, 0.2); });
  section("spmm, 90 % zeros", [&] { bench_spmm(k, 0.1); });
  section("gemm", [&] { bench_gemm(k); });
  section("depthwise 3x3", [&] { bench_depthwise(k, 3); });
  section("depthwise 5x5", [&] { bench_depthwise(k, 5); });
  section("stem", [&] { bench_stem(k); });
  section("elementwise", [&] { bench_elementwise(k); });
  section("layout", [&] { bench_layout(k); });
  section("rows", [&] { bench_rows(k); });
  return 0;
}
