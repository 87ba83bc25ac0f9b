#include "delegate/core/assignment/speed.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace tfsparse {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr int kDepth = 64;  // small enough for the tile's data to stay in the L1 cache
// Numbers touched by a pass: within L1, within L2, at the edge of L2, beyond it.
constexpr double kPasses[] = {1 << 12, 1 << 16, 1 << 19, 1 << 21};
constexpr std::size_t kMostNumbers = 1 << 21;
constexpr double kRepeated = 1 << 19;  // numbers that all runs of a pass touch, at least

template <class Body>
void time_once_more(const Body& body, double* fastest) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  body();
  *fastest = std::min(*fastest, std::chrono::duration<double>(Clock::now() - start).count());
}

}  // namespace

double Speed::seconds_per_number(double touched) const {
  const auto rate = [&](std::size_t i) { return pass_seconds[i] / pass_numbers[i]; };
  std::size_t above = 1;
  while (above + 1 < pass_numbers.size() && pass_numbers[above] < touched) ++above;
  const double low = pass_numbers[above - 1], high = pass_numbers[above];
  const double share = std::log(std::clamp(touched, low, high) / low) / std::log(high / low);
  return rate(above - 1) * std::pow(rate(above) / rate(above - 1), share);
}

SpeedProbe::SpeedProbe()
    : kernels_(best_kernels()),
      speed_{kNever, {}, {}},
      x_(kernels_.tile_rows * kDepth, sizeof(float)),
      weights_(2 * kernels_.lanes * (1 + kDepth), sizeof(float)),
      y_(2 * kernels_.lanes * kernels_.tile_rows, sizeof(float)),
      data_(kMostNumbers, sizeof(float)) {
  speed_.pass_numbers.assign(std::begin(kPasses), std::end(kPasses));
  speed_.pass_seconds.assign(speed_.pass_numbers.size(), kNever);
}

void SpeedProbe::run() {
  run_tile();
  run_passes();
}

void SpeedProbe::run_tile() {
  // Each long against the clock's resolution, short against a time slice.
  constexpr int kTiles = 10;
  // The clock rate of a processor rises in steps while it computes, about one in a millisecond. So
  // the speed is the final one if it has not grown for longer.
  constexpr double kSettled = 1.2e-3, kShorter = 0.98, kMostSeconds = 8e-3;
  const RegisterTileArgs args{floats(x_), kDepth, floats(weights_), floats(y_)};
  const double vectors = 2.0 * kTiles * kernels_.tile_rows * kDepth;
  double fastest = kNever, spent = 0, settled = 0;
  while (settled < kSettled && spent < kMostSeconds) {
    double seconds = kNever;
    time_once_more(
        [&] {
          for (int i = 0; i < kTiles; ++i) kernels_.register_tile(args);
        },
        &seconds);
    spent += seconds;
    settled = seconds < kShorter * fastest ? 0 : settled + seconds;
    fastest = std::min(fastest, seconds);
  }
  speed_.tile_seconds = std::min(speed_.tile_seconds, fastest / vectors);
}

void SpeedProbe::run_passes() {
  Epilogue relu;
  relu.lo = 0;
  for (std::size_t i = 0; i < speed_.pass_numbers.size(); ++i) {
    const auto half = static_cast<std::size_t>(speed_.pass_numbers[i] / 2);
    const UnaryArgs args{Unary::kIdentity, data_.data(), data_.data() + half, half, relu};
    // The first run brings the data into the caches. Short ones are repeated for longer.
    const int runs = std::clamp(static_cast<int>(kRepeated / speed_.pass_numbers[i]), 2, 16);
    for (int run = 0; run < runs; ++run) {
      time_once_more([&] { kernels_.unary(args); }, &speed_.pass_seconds[i]);
    }
  }
}

}  // namespace tfsparse
