// Row tiling: several steps run in sequence on a few rows of an image at a time.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/plan/row_step.h"

namespace tfsparse {

// The sizes and layouts of the tiles between the steps.
struct RowTiling {
  int rows = 0;                    // of the last output, per tile
  std::vector<ChwLayout> between;  // the tile of every output but the last
  std::uint64_t elements = 0;      // of all tiles
};

// The rows that one step reads and writes.
struct RowWindow {
  int kernel = 1, stride = 1, dilation = 1;
  ChwLayout output;
};

// Plans the tallest tiles that fit into the L2 cache. `rows` is 0 if none do.
RowTiling plan_row_tiling(const std::vector<RowWindow>& windows, std::size_t element_bytes);

// Limits the steps, so that a run needs no allocation.
constexpr std::size_t kMostTiledSteps = 16;

// Each step writes a tile of rows, which the next one reads from the cache. Tiles are in the
// worker's scratch. No worker computes a row twice.
std::unique_ptr<Step> make_row_tiling(std::vector<std::unique_ptr<RowStep>> steps,
                                      const RowTiling& tiling, std::size_t element_bytes);

}  // namespace tfsparse
