// Speed of the int8 kernels beside the float32 ones of the same processor, one thread: the 1x1
// convolutions of MobileNetV2 at 224 x 224, zeros in blocks of four input channels. The two take
// turns, so that other work on the machine slows both. Then the int8 kernels that multiply no
// weights.
//
//   avx2="-mavx2 -mfma -mf16c" avx512="$avx2 -mavx512f -mavx512bw -mavx512vl -mavx512dq"
//   c="g++ -std=c++17 -O3 -ffp-contract=off -I." && k=delegate/kernels && mkdir -p build/bench &&
//   $c $avx512 -c $k/isa/avx512.cc -o build/bench/avx512.o &&
//   $c $avx2 -c $k/isa/avx2.cc -o build/bench/avx2.o &&
//   $c $avx512 -mavx512vnni -c $k/int8/isa/avx512_vnni.cc -o build/bench/int8_avx512_vnni.o &&
//   $c $avx2 -mavxvnni -c $k/int8/isa/avx_vnni.cc -o build/bench/int8_avx_vnni.o &&
//   $c $avx2 -c $k/int8/isa/avx2.cc -o build/bench/int8_avx2.o &&
//   $c delegate/bench/int8_bench.cc $k/{,int8/}isa/{portable,select}.cc $k/int8/pack.cc
//      delegate/core/plan/memory.cc delegate/core/weights/{pack,product}.cc build/bench/*.o -o
//      build/bench/int8 && build/bench/int8
//
// TFSPARSE_ISA=avx2 or =portable measures a slower set. A word on the command line chooses the
// sections whose name contains it. GOP/s count two operations for each weight that is not 0 and
// pixel.
#include <cmath>
#include <string>

#include "delegate/bench/bench.h"
#include "delegate/core/weights/product.h"
#include "delegate/kernels/int8/kernels.h"
#include "delegate/kernels/int8/pack.h"
#include "delegate/kernels/int8/reference.h"

namespace tfsparse {
namespace bench {
namespace {

struct Pointwise {
  int size, in, out, count;  // size * size pixels, channels, how often in the network
};
constexpr Pointwise kPointwise[] = {
    {112, 32, 16, 1}, {112, 16, 96, 1}, {56, 96, 24, 1},  {56, 24, 144, 2},  {56, 144, 24, 1},
    {28, 144, 32, 1}, {28, 32, 192, 3}, {28, 192, 32, 2}, {14, 192, 64, 1},  {14, 64, 384, 4},
    {14, 384, 64, 3}, {14, 384, 96, 1}, {14, 96, 576, 3}, {14, 576, 96, 2},  {7, 576, 160, 1},
    {7, 160, 960, 3}, {7, 960, 160, 2}, {7, 960, 320, 1}, {7, 320, 1280, 1},
};

using Codes = std::vector<std::int8_t, CacheLineAllocator<std::int8_t>>;

// Bytes of a quad plane: an odd number of cache lines.
int quad_stride(int pixels) { return ((pixels * int8::kQuad + 63) / 64 | 1) * 64; }

// Weights in blocks of `block` input channels of which `density` are not 0.
std::vector<std::int8_t> sparse_weights(int outputs, int inputs, int block, double density) {
  std::mt19937 engine(outputs + inputs);
  std::bernoulli_distribution keep(density);
  std::vector<std::int8_t> weights(static_cast<std::size_t>(outputs) * inputs);
  for (std::size_t i = 0; i < weights.size(); i += block) {
    if (!keep(engine)) continue;
    for (int c = 0; c < block; ++c) weights[i + c] = static_cast<std::int8_t>(engine() % 255 - 127);
  }
  return weights;
}

// The product of a layer in int8, ready to run.
class Int8Layer {
 public:
  Int8Layer(const int8::Kernels& kernels, const Pointwise& p, double density)
      : kernels_(kernels),
        x_(static_cast<std::size_t>(p.in) / 4 * quad_stride(p.size * p.size) + int8::kOverread),
        y_(static_cast<std::size_t>(p.out) / 4 * quad_stride(p.size * p.size)) {
    const auto weights = sparse_weights(p.out, p.in, int8::kQuad, density);
    std::vector<std::int32_t> offsets;
    const int stride = quad_stride(p.size * p.size);
    for (int quad = 0; quad < p.in / int8::kQuad; ++quad) offsets.push_back(quad * stride);
    const std::vector<float> multipliers(p.out, 1e-3f);
    int8::pack({weights.data(), p.out, 1, p.in, offsets.data(), nullptr, 3, multipliers.data()},
               kernels, &packed_);
    packed_.describe(0, packed_.quads(), kernels, &args_);
    args_.x = Padded<const std::int8_t>(x_.data());
    args_.y = y_.data();
    args_.y_stride = stride;
    args_.n = p.size * p.size;
    for (std::int8_t& byte : x_) byte = static_cast<std::int8_t>(&byte - x_.data());
  }
  void run(int tile) {
    args_.tile = tile;
    kernels_.spmm(args_);
  }

 private:
  const int8::Kernels& kernels_;
  int8::PackedQuads packed_;
  Codes x_, y_;
  int8::SpmmArgs args_{};
};

// The same in float32, as the planner cuts it without having measured anything.
class FloatLayer {
 public:
  FloatLayer(const Kernels& kernels, const Pointwise& p, double density)
      : kernels_(kernels), pixels_(p.size * p.size), stride_(plane_stride(pixels_)) {
    const auto weights = sparse_weights(p.out, p.in, 1, density);
    std::vector<Tap> taps;
    for (int c = 0; c < p.in; ++c) taps.push_back({c, c * stride_});
    Epilogue epilogue;
    clamp_to_relu6(epilogue);
    product_.pack({{weights.begin(), weights.end()}, p.out, taps, 1, 1, 0},
                  std::vector<float>(p.out, 0.5f), epilogue, pixels_, kernels);
    const auto numbers = random_floats(static_cast<std::size_t>(p.in) * stride_);
    x_ = to_elements({numbers.begin(), numbers.end()}, kernels);
    y_ = Buffer(static_cast<std::size_t>(p.out) * stride_, sizeof(float));
  }
  void run() const {
    product_.multiply(kernels_, {}, x_.data(), y_.data(), stride_, PaddedElements(), pixels_);
  }

 private:
  const Kernels& kernels_;
  int pixels_, stride_;
  Product product_;
  Buffer x_, y_;
};

void bench_spmm(const Kernels& floats, const int8::Kernels& ints, double density) {
  double float_total = 0, int8_total = 0;
  for (const Pointwise& p : kPointwise) {
    const FloatLayer float_layer(floats, p, density);
    Int8Layer int8_layer(ints, p, density);
    double float_least = 1e9, least = 1e9;
    int best_tile = 0;
    for (int tile = 2; tile <= ints.max_tile; tile += ints.max_tile > 12 ? 2 : 1) {
      float_least = std::min(float_least, seconds([&] { float_layer.run(); }));
      const double t = seconds([&] { int8_layer.run(tile); });
      if (t < least) least = t, best_tile = tile;
    }
    float_total += float_least * p.count;
    int8_total += least * p.count;
    const double gop = 2e-9 * p.size * p.size * p.in * p.out * density;
    std::printf(
        "  %3d px %4d -> %4d x%d: float32 %6.1f us %5.1f GFLOP/s  int8 %6.1f us %6.1f "
        "GOP/s (tile %2d)  %.2f\n",
        p.size, p.in, p.out, p.count, float_least * 1e6, gop / float_least, least * 1e6,
        gop / least, best_tile, float_least / least);
  }
  std::printf("  whole network: float32 %.3f ms, int8 %.3f ms\n", float_total * 1e3,
              int8_total * 1e3);
}

// The other kernels, by the time for each byte of the output.
void bench_others(const int8::Kernels& k) {
  constexpr int kSize = 56, kQuads = 16, kPlane = kSize * kSize * int8::kQuad;
  constexpr std::size_t kBytes = std::size_t{kPlane} * kQuads;
  Codes a(kBytes + int8::kOverread), b(kBytes), y(4 * kBytes), table(256);
  for (std::int8_t& byte : a) byte = static_cast<std::int8_t>(37 * (&byte - a.data()));
  Floats floats(kBytes);
  const std::vector<float> slopes(int8::kQuad * kQuads, 0.25f);
  std::vector<std::int32_t> sources, weights;
  for (int i = 0; i < 2 * kSize; ++i) {
    sources.push_back(i / 2);
    weights.push_back(i % 2 * 512);
  }
  const auto report = [](const char* name, std::size_t bytes, const auto& run) {
    std::printf("  %-44s %7.3f ns a byte\n", name, seconds(run) * 1e9 / bytes);
  };
  const Padded<const std::int8_t> x(a.data());
  for (const bool largest : {true, false}) {
    const int window = largest ? 3 : 2;
    const int8::PoolArgs args{largest ? Pooling::kMax : Pooling::kAverage,
                              x,
                              y.data(),
                              kQuads,
                              kPlane,
                              kPlane / 4,
                              kSize,
                              kSize,
                              kSize / 2,
                              kSize / 2,
                              window,
                              window,
                              2,
                              2,
                              0,
                              0,
                              {}};
    report(largest ? "maximum pooling, 3x3, stride 2" : "average pooling, 2x2, stride 2",
           kBytes / 4, [&] { k.pool(args); });
  }
  for (const bool blends : {true, false}) {
    const std::int32_t* fractions = blends ? weights.data() : nullptr;
    const int8::ResizeArgs args{a.data(),       y.data(),  kQuads,    kPlane,    4 * kPlane,
                                kSize,          kSize,     2 * kSize, 2 * kSize, sources.data(),
                                sources.data(), fractions, fractions};
    report(blends ? "bilinear resizing to twice the size" : "nearest neighbor to twice the size",
           4 * kBytes, [&] { k.resize(args); });
  }
  int8::AddArgs add{a.data(), b.data(), y.data(), kBytes / int8::kQuad, {}, false};
  int8::add_of(0.1, 3, 0.2, -5, 0.3, {}, &add.add);
  report("addition", kBytes, [&] { k.add(add); });
  int8::MultiplyArgs multiply{a.data(), b.data(), y.data(), kBytes / int8::kQuad, {}, false};
  int8::multiply_of(0.1, 3, 0.2, -5, 0.3, {}, &multiply.multiply);
  report("multiplication", kBytes, [&] { k.multiply(multiply); });
  const int8::PreluArgs prelu{a.data(), y.data(), kQuads, kSize * kSize, kPlane,
                              kPlane,   3,        1.0f,   slopes.data(), {}};
  report("PRELU", kBytes, [&] { k.prelu(prelu); });
  report("floats to codes", kBytes,
         [&] { k.quantize({floats.data(), y.data(), kBytes, 10.0f, 3}); });
  report("codes to floats", kBytes,
         [&] { k.dequantize({a.data(), floats.data(), kBytes, 0.1f, 3}); });
  report("lookup", kBytes, [&] { k.lookup({a.data(), y.data(), kBytes, table.data()}); });
  report("lookup, one by one", kBytes,
         [&] { int8::reference::lookup({a.data(), y.data(), kBytes, table.data()}); });
}

}  // namespace
}  // namespace bench
}  // namespace tfsparse

int main(int argc, char** argv) {
  using namespace tfsparse::bench;
  const tfsparse::Kernels& floats = tfsparse::best_kernels();
  const tfsparse::int8::Kernels& ints = tfsparse::int8::kernels_beside(floats);
  std::printf("float32: %s, int8: %s\n", floats.name, ints.name);
  for (const int zeros : {80, 90, 0}) {
    const std::string name = "spmm, " + std::to_string(zeros) + " % zeros";
    section(argc, argv, name.c_str(), [&] { bench_spmm(floats, ints, 1 - zeros / 100.0); });
  }
  section(argc, argv, "other kernels", [&] { bench_others(ints); });
  return 0;
}
