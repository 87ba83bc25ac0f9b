// How fast this processor is at what TFLite's default, XNNPACK, does most.
#pragma once

#include <vector>

#include "delegate/core/plan/memory.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

struct Speed {
  double tile_seconds;  // of a vector of MACs in XNNPACK's register tile
  // An element-wise pass over so many numbers, those read and those written, takes so many seconds.
  std::vector<double> pass_numbers, pass_seconds;

  // Seconds of each number, where a pass touches so many.
  double seconds_per_number(double touched) const;
};

// Measures it. Whatever else runs on a machine makes a measurement slower, never faster: so the
// fastest of several counts.
class SpeedProbe {
 public:
  SpeedProbe();

  // Measures once more, for about a millisecond.
  void run();

  const Speed& fastest() const { return speed_; }

 private:
  void run_tile();
  void run_passes();

  const Kernels& kernels_;
  Speed speed_;
  Buffer x_, weights_, y_;  // of the tile
  Buffer data_;             // of the passes
};

}  // namespace tfsparse
