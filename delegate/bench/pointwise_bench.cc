// Speed of the 1x1 convolutions of MobileNetV2 at 224 x 224, sparse and dense, one thread.
//
//   avx2="-mavx2 -mfma -mf16c" avx512="$avx2 -mavx512f -mavx512bw -mavx512vl -mavx512dq"
//   c="g++ -std=c++17 -O3 -ffp-contract=off -I." && k=delegate/kernels && b=delegate/bench &&
//   mkdir -p build/bench && for isa in avx512 avx2; do
//     $c ${!isa} -c $k/isa/$isa.cc -o build/bench/$isa.o &&
//     $c ${!isa} -c $b/limits.cc -o build/bench/limits_$isa.o; done &&
//   $c $b/pointwise_bench.cc $b/limits.cc $k/isa/{portable,select}.cc
//      delegate/core/plan/memory.cc delegate/core/weights/{pack,product}.cc build/bench/*.o
//      -o build/bench/pointwise && build/bench/pointwise
//
// TFSPARSE_ISA=avx2 or =portable measures a slower set. A word on the command line selects the
// sections with that word in their name. GFLOP/s count two operations per nonzero weight and pixel.
// Percents are of the limit with a load for each FMA in blocks of 1, and of that in registers else.
#include <string>

#include "delegate/bench/bench.h"
#include "delegate/core/weights/product.h"

namespace tfsparse {
namespace bench {
namespace {

struct Pointwise {
  int size, in, out, count;  // size * size pixels, channels, occurrences in the network
};
constexpr Pointwise kPointwise[] = {
    {112, 32, 16, 1}, {112, 16, 96, 1}, {56, 96, 24, 1},  {56, 24, 144, 2},  {56, 144, 24, 1},
    {28, 144, 32, 1}, {28, 32, 192, 3}, {28, 192, 32, 2}, {14, 192, 64, 1},  {14, 64, 384, 4},
    {14, 384, 64, 3}, {14, 384, 96, 1}, {14, 96, 576, 3}, {14, 576, 96, 2},  {7, 576, 160, 1},
    {7, 160, 960, 3}, {7, 960, 160, 2}, {7, 960, 320, 1}, {7, 320, 1280, 1},
};

// How a layer is split: kDirect into tiles, kSplit also into parts of the reduction whose inputs
// fit L1, kPackedSplit the same with the pixels of a tile copied next to each other first.
enum class Cut { kDirect, kSplit, kPackedSplit };
constexpr const char* kCutNames[] = {"direct", "split", "packed split"};

double time_spmm(const Kernels& k, const Pointwise& p, int block, double density, int tile,
                 Cut cut) {
  constexpr int kL1Floats = 6 * 1024;  // 24 KB of a 32 KB L1
  const int pixels = p.size * p.size, stride = plane_stride(pixels), run = tile * k.lanes;
  const bool pack = cut == Cut::kPackedSplit;
  const int fitting = std::max(16, kL1Floats / run);
  const int parts = cut == Cut::kDirect ? 1 : (p.in + fitting - 1) / fitting;
  std::vector<SparseLayer> layers;
  for (int part = 0; part < parts; ++part) {
    layers.emplace_back(block, p.out, p.in * part / parts, p.in * (part + 1) / parts, density,
                        pack ? run : stride);
  }
  const auto x = random_floats(static_cast<std::size_t>(p.in) * stride);
  auto y = random_floats(static_cast<std::size_t>(p.out) * stride);
  auto packed = random_floats(static_cast<std::size_t>(p.in) * run);
  SpmmArgs a{};
  a.y_stride = stride;
  a.tile = tile;
  clamp_to_relu6(a.epilogue);
  PadArgs copy{};
  copy.in_h = copy.out_h = p.in;
  copy.x_pixel_stride = copy.stride_h = copy.stride_w = copy.phases_h = copy.phases_w = 1;
  copy.x_row_stride = stride;
  copy.y = packed.data();
  copy.row_stride = run;
  return seconds([&] {
    for (int first = 0; first < pixels; first += run) {
      a.n = std::min(run, pixels - first);
      const float* start = x.data() + first;
      a.y = Padded<void>(y.data() + first);
      if (pack) {
        copy.x = start;
        copy.in_w = copy.out_w = a.n;
        k.pad(copy);
        start = packed.data();
      }
      for (int part = 0; part < parts; ++part) {
        layers[part].packed.describe(0, layers[part].packed.blocks(), &a);
        a.x = Padded<const void>(start + static_cast<std::size_t>(p.in * part / parts) *
                                             (pack ? run : stride));
        a.bias = layers[part].bias.data();
        a.accumulate = part > 0;
        a.finish = part == parts - 1;
        k.spmm(a);
      }
    }
  });
}

// Split as in a plan, without measurement.
double time_product(const Kernels& k, const Pointwise& p, int block, double density) {
  const int pixels = p.size * p.size, stride = plane_stride(pixels);
  SparseLayer layer(block, p.out, 0, p.in, density, stride);
  Epilogue epilogue;
  clamp_to_relu6(epilogue);
  Product product;
  product.pack({layer.dense, p.out, layer.taps, 1, 1, 0},
               std::vector<float>(layer.bias.begin(), layer.bias.begin() + p.out), epilogue, pixels,
               k);
  const auto numbers = random_floats(static_cast<std::size_t>(p.in) * stride);
  const Buffer x = to_elements({numbers.begin(), numbers.end()}, k);
  const Buffer y(static_cast<std::size_t>(p.out) * stride, sizeof(float));
  return seconds(
      [&] { product.multiply(k, {}, x.data(), y.data(), stride, PaddedElements(), pixels); });
}

void bench_spmm(const Kernels& k, int block, double density) {
  double total = 0.0, planned_total = 0.0;
  for (const Pointwise& p : kPointwise) {
    std::printf("  %3d px %4d -> %4d x%d:", p.size, p.in, p.out, p.count);
    const double flop = 2.0 * p.size * p.size * p.in * p.out * density;
    const double limit = block == 1 ? limits().load : limits().fma;
    double best = 1e9;
    for (const Cut cut : {Cut::kDirect, Cut::kSplit, Cut::kPackedSplit}) {
      double least = 1e9;
      int best_tile = 0;
      for (int tile = 2; tile <= k.max_tile[block]; ++tile) {
        const double t = time_spmm(k, p, block, density, tile, cut);
        if (t < least) least = t, best_tile = tile;
      }
      best = std::min(best, least);
      const Rate rate(flop, least, limit);
      std::printf("  %s %6.1f us %5.1f GFLOP/s %3.0f %% (tile %2d)",
                  kCutNames[static_cast<int>(cut)], least * 1e6, rate.gflops, rate.percent,
                  best_tile);
    }
    const double planned = time_product(k, p, block, density);
    const Rate rate(flop, planned, limit);
    total += best * p.count;
    planned_total += planned * p.count;
    std::printf("  planned %6.1f us %5.1f GFLOP/s %3.0f %%\n", planned * 1e6, rate.gflops,
                rate.percent);
  }
  std::printf("  whole network: the best cut of each layer %.3f ms, as planned %.3f ms\n",
              total * 1e3, planned_total * 1e3);
}

void bench_dense(const Kernels& k) {
  double total = 0;
  for (const Pointwise& p : kPointwise) {
    const double t = time_product(k, p, 4, 1.0);
    total += t * p.count;
    const Rate rate(2.0 * p.size * p.size * p.in * p.out, t, limits().fma);
    std::printf("  %3d px %4d -> %4d x%d: %6.1f us %6.1f GFLOP/s %3.0f %%\n", p.size, p.in, p.out,
                p.count, t * 1e6, rate.gflops, rate.percent);
  }
  std::printf("  whole network: %.3f ms\n", total * 1e3);
}

}  // namespace
}  // namespace bench
}  // namespace tfsparse

int main(int argc, char** argv) {
  using namespace tfsparse::bench;
  const tfsparse::Kernels& k = tfsparse::best_kernels();
  print_limits();
  for (const int block : {1, 2, 4}) {
    for (const int zeros : {80, 90}) {
      const std::string name =
          "spmm, blocks of " + std::to_string(block) + ", " + std::to_string(zeros) + " % zeros";
      section(argc, argv, name.c_str(), [&] { bench_spmm(k, block, 1 - zeros / 100.0); });
    }
  }
  section(argc, argv, "dense", [&] { bench_dense(k); });
  return 0;
}
