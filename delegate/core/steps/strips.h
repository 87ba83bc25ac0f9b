// Chains of steps that are computed strip by strip of rows.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/row_step.h"

namespace tfsparse {

// How the strips of a chain lie in memory.
struct StripPlan {
  int rows = 0;                 // of the last output in one strip
  std::vector<Planes> between;  // the strip of every output but the last
  std::uint64_t elements = 0;   // of all of them
};

// One operator of a chain: its window over rows and the size of its output.
struct RowWindow {
  int kernel = 1, stride = 1, dilation = 1;
  Planes output;
};

// Plans the widest strips that stay within the second-level cache; rows is 0 where none do.
StripPlan plan_strips(const std::vector<RowWindow>& windows, std::size_t element_bytes);

// Steps in a chain at most: then a walk down an image needs no memory of its own.
constexpr std::size_t kLongestChain = 16;

// Runs steps one behind the other, strip by strip of rows, so that what one writes is still in the
// cache when the next reads it. What lies between them is in the worker's scratch. No row is
// computed twice by one worker.
std::unique_ptr<Step> make_strips(std::vector<std::unique_ptr<RowStep>> steps,
                                  const StripPlan& plan);

}  // namespace tfsparse
