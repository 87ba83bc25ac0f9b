// Measures this processor at the work that dominates TFLite's default runtime, XNNPACK.
#pragma once

#include <vector>

#include "delegate/core/plan/memory.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

struct Speed {
  double tile_seconds;  // per vector of MACs in XNNPACK's register tile
  // An element-wise pass that reads and writes pass_numbers[i] numbers takes pass_seconds[i].
  std::vector<double> pass_numbers, pass_seconds;

  // Seconds per number in a pass that touches `touched` numbers.
  double seconds_per_number(double touched) const;
};

// Other work on the machine can only slow a measurement down, so the fastest one counts.
class SpeedProbe {
 public:
  SpeedProbe();

  // Measures again, for about two milliseconds; for up to ten while the clock rate rises.
  void run();

  const Speed& fastest() const { return speed_; }

 private:
  void run_tile();
  void run_passes();

  const Kernels& kernels_;
  Speed speed_;
  Buffer x_, weights_, y_;  // the tile's
  Buffer data_;             // the passes'
};

}  // namespace tfsparse
