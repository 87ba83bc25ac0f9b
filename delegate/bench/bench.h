// Shared by the benchmarks: a timer, aligned random floats, random sparse weights, the processor's
// limits.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>
#include <vector>

#include "delegate/bench/limits.h"
#include "delegate/core/weights/pack.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {
namespace bench {

// Seconds per call: the minimum over batches of calls, which other work on the machine affects
// least.
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

// A 64-byte load that crosses a cache line costs two. As in the engine, buffers begin at a cache
// line.
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

// An odd number of cache lines, as in plan/layout.h.
inline int plane_stride(int pixels) { return ((pixels + 15) / 16 | 1) * 16; }

inline Floats random_floats(std::size_t n) {
  static std::minstd_rand engine(1);
  Floats v(n + kOverread);
  for (float& x : v) x = static_cast<float>(engine()) / engine.max() - 0.5f;
  return v;
}

// Random weights for the input channels [first, last), a fraction `density` of them nonzero. Planes
// are `stride` floats apart. The output channels of a block have the same taps.
struct SparseLayer {
  Floats bias;  // as spmm reads it
  std::vector<float> dense;
  std::vector<Tap> taps;
  SparseBlocks packed;

  SparseLayer(int block, int outputs, int first, int last, double density, int stride)
      : bias(random_floats(outputs * best_kernels().bias_copies)),
        dense(static_cast<std::size_t>(outputs) * (last - first), 0.0f) {
    std::mt19937 engine(first + 2);
    std::bernoulli_distribution keep(density);
    for (int c = 0; c < last - first; ++c) {
      taps.push_back({c, c * stride});
      for (int row = 0; row < outputs; row += block) {
        if (!keep(engine)) continue;
        for (int i = row; i < std::min(outputs, row + block); ++i) {
          dense[static_cast<std::size_t>(i) * (last - first) + c] = 0.1f;
        }
      }
    }
    RowBlocks rows{block, {}};
    for (int row = 0; row < outputs; ++row) rows.rows.push_back(row);
    packed = pack_blocks(dense, last - first, rows, taps, best_kernels());
  }
};

inline void clamp_to_relu6(Epilogue& e) { e.lo = 0.0f, e.hi = 6.0f; }

// In GFLOP/s, with the vectors of the kernels that are measured.
struct Speeds {
  double fma;   // operands in registers
  double load;  // each FMA reads one from the L1 cache
};

inline Speeds measure_limits() {
  const Limits* limits = all_limits;
  while (limits && std::strcmp(limits->name, best_kernels().name) != 0) limits = limits->next;
  if (!limits) {
    std::fprintf(stderr, "limits.cc is not linked for %s\n", best_kernels().name);
    std::exit(1);
  }
  const auto x = random_floats(kLimitFloats);
  auto y = random_floats(kLimitFloats);
  Speeds most{};
  for (int turn = 0; turn < 10; ++turn) {  // a neighbour on the same core shares the load units
    const auto speed = [&](auto run) {
      return 1e-9 * limits->flop / seconds([&] { run(x.data(), y.data()); });
    };
    most.fma = std::max(most.fma, speed(limits->multiply));
    most.load = std::max(most.load, speed(limits->load_and_multiply));
  }
  return most;
}

// Measured once, at the first call.
inline const Speeds& limits() {
  static const Speeds measured = measure_limits();
  return measured;
}

inline void print_limits() {
  std::printf("%s: at most %.1f GFLOP/s in registers, %.1f GFLOP/s with a load for each FMA\n",
              best_kernels().name, limits().fma, limits().load);
}

// GFLOP/s, and their part of a limit.
struct Rate {
  double gflops, percent;
  Rate(double flop, double time, double limit)
      : gflops(1e-9 * flop / time), percent(100 * gflops / limit) {}
};

// Runs bench() under a heading if `name` contains the word on the command line.
template <class Bench>
void section(int argc, char** argv, const char* name, const Bench& bench) {
  if (argc > 1 && !std::strstr(name, argv[1])) return;
  std::printf("%s\n", name);
  bench();
}

}  // namespace bench
}  // namespace tfsparse
