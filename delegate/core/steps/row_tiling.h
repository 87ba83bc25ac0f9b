// Row tiling: several steps run one behind the other, a few rows of the image at a time.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/plan/row_step.h"

namespace tfsparse {

// How the tiles between the steps lie in memory.
struct RowTiling {
  int rows = 0;                    // of the last output in one tile
  std::vector<ChwLayout> between;  // the tile of every output but the last
  std::uint64_t elements = 0;      // of all of them
};

// One operator: its window over rows and the size of its output.
struct RowWindow {
  int kernel = 1, stride = 1, dilation = 1;
  ChwLayout output;
};

// Plans the tallest tiles that stay within the second-level cache; rows is 0 where none do.
RowTiling plan_row_tiling(const std::vector<RowWindow>& windows, std::size_t element_bytes);

// Steps at most: then a walk down an image needs no memory of its own.
constexpr std::size_t kMostTiledSteps = 16;

// Each step writes a tile of rows that the next one reads while it is still in the cache. What lies
// between them is in the worker's scratch. No row is computed twice by one worker.
std::unique_ptr<Step> make_row_tiling(std::vector<std::unique_ptr<RowStep>> steps,
                                      const RowTiling& tiling);

}  // namespace tfsparse
