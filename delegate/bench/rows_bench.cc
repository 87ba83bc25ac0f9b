// Speed of fully connected layers by the number of rows: row by row, and as a convolution in CHW
// including the layout changes. One thread.
//
//   c="g++ -std=c++17 -O3 -ffp-contract=off -I." && mkdir -p build/bench &&
//   $c -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mf16c
//      -c delegate/kernels/isa/avx512.cc -o build/bench/avx512.o &&
//   $c -mavx2 -mfma -mf16c -c delegate/kernels/isa/avx2.cc -o build/bench/avx2.o &&
//   $c delegate/bench/rows_bench.cc delegate/kernels/isa/{portable,select}.cc
//      delegate/core/plan/memory.cc delegate/core/weights/{pack,product}.cc build/bench/*.o -o
//      build/bench/rows && build/bench/rows
//
// TFSPARSE_ISA=avx2 or =portable measures a slower set.
#include "delegate/bench/bench.h"
#include "delegate/core/weights/product.h"

namespace tfsparse {
namespace bench {
namespace {

struct Layer {
  int in, out;
};
constexpr Layer kLayers[] = {{256, 256}, {1024, 1024}, {384, 1536}, {1536, 384}};

double time_row_by_row(const Kernels& k, const SparseLayer& layer, Layer l, int rows, bool sparse) {
  const SparseRows packed = pack_rows(layer.dense, l.out, l.in, k);
  const auto x = random_floats(static_cast<std::size_t>(rows) * l.in);
  auto y = random_floats(static_cast<std::size_t>(rows) * l.out);
  return seconds([&] {
    for (int row = 0; row < rows; ++row) {
      const float* from = x.data() + static_cast<std::size_t>(row) * l.in;
      float* to = y.data() + static_cast<std::size_t>(row) * l.out;
      if (sparse) {
        SparseRowsArgs args{};
        args.x = from;
        args.y = to;
        args.bias = layer.bias.data();
        packed.describe(0, l.out, &args);
        k.sparse_rows(args);
      } else {
        k.dense_rows({from, to, l.out, l.in, layer.dense.data(), layer.bias.data(), {}});
      }
    }
  });
}

double time_product(const Kernels& k, const SparseLayer& layer, Layer l, int rows, int stride) {
  Product product;
  product.pack({layer.dense, l.out, layer.taps, 1, 1, 0}, std::vector<float>(l.out), Epilogue(),
               rows, k);
  const auto x = random_floats(static_cast<std::size_t>(rows) * l.in);
  auto y = random_floats(static_cast<std::size_t>(rows) * l.out);
  const Buffer from(static_cast<std::size_t>(stride) * l.in, sizeof(float));
  const Buffer to(static_cast<std::size_t>(stride) * l.out, sizeof(float));
  return seconds([&] {
    k.to_chw(x.data(), from.data(), rows, l.in, stride);
    product.multiply(k, {}, from.data(), to.data(), stride, PaddedElements(), rows);
    k.from_chw({to.data(), y.data(), rows, l.out, static_cast<std::size_t>(stride)});
  });
}

void bench_layer(const Kernels& k, Layer l, int zeros) {
  std::printf("  %4d -> %4d, %2d %% zeros, us row by row / as a product:", l.in, l.out, zeros);
  for (const int rows : {1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 256}) {
    const int stride = plane_stride(rows);
    const SparseLayer layer(1, l.out, 0, l.in, 1 - zeros / 100.0, stride);
    const double flop = 2.0 * rows * l.in * l.out * (1 - zeros / 100.0);
    const double product = time_product(k, layer, l, rows, stride);
    std::printf("  %d: %.1f/%.1f (%.0f GF)", rows,
                time_row_by_row(k, layer, l, rows, zeros >= 60) * 1e6, product * 1e6,
                flop / product * 1e-9);
  }
  std::printf("\n");
}

}  // namespace
}  // namespace bench
}  // namespace tfsparse

int main() {
  using namespace tfsparse::bench;
  const tfsparse::Kernels& k = tfsparse::best_kernels();
  std::printf("%s\n", k.name);
  for (const int zeros : {0, 50, 75, 90}) {
    for (const Layer l : kLayers) bench_layer(k, l, zeros);
  }
  return 0;
}
