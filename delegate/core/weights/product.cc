#include "delegate/core/weights/product.h"

#include <algorithm>

namespace tfsparse {
namespace {

// From this sparsity on, skipping zeros is faster than dense kernels.
constexpr double kSparseFrom = 0.4;

// Parts of the reduction with fewer taps mostly load and store sums.
constexpr int kFewestTaps = 16;

// The block size of most channels.
int usual_block(const std::vector<RowBlocks>& blocks) {
  return std::max_element(
             blocks.begin(), blocks.end(),
             [](const RowBlocks& a, const RowBlocks& b) { return a.rows.size() < b.rows.size(); })
      ->block;
}

}  // namespace

void Product::pack(const Weights& weights, const std::vector<float>& bias, const Epilogue& epilogue,
                   int run, const Kernels& kernels) {
  channels_ = weights.channels;
  epilogue_ = epilogue;
  const int depth = static_cast<int>(weights.taps.size());
  const auto zeros = std::count(weights.dense.begin(), weights.dense.end(), 0.0f);
  const bool sparse = zeros >= kSparseFrom * weights.dense.size();
  if (sparse) density_ = 1.0 - static_cast<double>(zeros) / weights.dense.size();
  // In a dense matrix all rows have the same taps.
  const std::vector<RowBlocks> blocks =
      sparse ? find_blocks(weights.dense, channels_, depth) : consecutive_blocks(channels_);
  const int block = usual_block(blocks);
  choose_tile(run, kernels.usual_tile[block], kernels);
  const int parts = parts_for_cache(weights, kernels, sparse);
  pack_parts(weights, blocks, parts, kernels);
  std::vector<float> copies;
  for (const float value : bias) copies.insert(copies.end(), kernels.bias_copies, value);
  copied_bias_ = to_elements(copies, kernels);
  name_ = std::string(sparse ? "sparse " : "dense ") + kernels.name + " " + std::to_string(tile_) +
          "x" + std::to_string(kernels.lanes) + (parts > 1 ? "/" + std::to_string(parts) : "") +
          (block > 1 ? ", blocks of " + std::to_string(block) : "");
}

// Evens out the tiles: as few passes over the weights as possible, all equally wide.
void Product::choose_tile(int run, int largest, const Kernels& kernels) {
  const int vectors = std::max(1, (run + kernels.lanes - 1) / kernels.lanes);
  const int passes = (vectors + largest - 1) / largest;
  tile_ = (vectors + passes - 1) / passes;
  tile_pixels_ = tile_ * kernels.lanes;
}

// The number of parts of the reduction for which a tile's inputs stay in the L1 cache.
int Product::parts_for_cache(const Weights& weights, const Kernels& kernels, bool sparse) const {
  const int cache_bytes = sparse ? kernels.tile_bytes : kernels.dense_tile_bytes;
  if (cache_bytes == 0) return 1;
  const std::int64_t lines = static_cast<std::int64_t>(weights.lines) * tile_pixels_;
  const std::int64_t channel_bytes =
      static_cast<std::int64_t>(kernels.element_bytes) * (lines + weights.more);
  if (sparse && weights.inputs() * channel_bytes <= kernels.whole_tile_bytes) return 1;
  const int in_cache = static_cast<int>(cache_bytes / channel_bytes);
  const int fitting = std::max({1, in_cache, kFewestTaps / weights.taps_per_channel});
  return (weights.inputs() + fitting - 1) / fitting;
}

void Product::pack_parts(const Weights& weights, const std::vector<RowBlocks>& blocks, int count,
                         const Kernels& kernels) {
  const int depth = static_cast<int>(weights.taps.size());
  for (int i = 0; i < count; ++i) {
    const Range range = range_of({i, count}, weights.inputs());
    std::vector<Tap> taps(weights.taps.begin() + range.begin * weights.taps_per_channel,
                          weights.taps.begin() + range.end * weights.taps_per_channel);
    Part part{taps.front().offset, {}};
    for (Tap& tap : taps) tap.offset -= part.offset;
    for (const RowBlocks& rows : blocks) {
      part.blocks.push_back(pack_blocks(weights.dense, depth, rows, taps, kernels));
    }
    parts_.push_back(std::move(part));
  }
}

void Product::multiply(const Kernels& kernels, Share share, PaddedElements x, PaddedElements y,
                       std::size_t y_stride, PaddedElements residual, int n) const {
  SpmmArgs args{};
  args.y_stride = y_stride;
  args.bias = copied_bias_.data();
  args.tile = tile_;
  args.epilogue = epilogue_;
  // Tile by tile, so that the sums (with several parts) and the inputs (with several block sizes)
  // stay in the cache.
  const bool once = parts_.size() == 1 && parts_.front().blocks.size() == 1;
  const int step = once ? n : tile_pixels_;
  for (int at = 0; at < n; at += step) {
    args.y = y + at;
    args.residual = residual ? residual + at : residual;
    args.n = std::min(step, n - at);
    multiply_tile(kernels, share, x + at, args);
  }
}

void Product::multiply_tile(const Kernels& kernels, Share share, PaddedElements x,
                            SpmmArgs args) const {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    args.x = x + parts_[i].offset;
    args.accumulate = i > 0;
    args.finish = i + 1 == parts_.size();
    for (const SparseBlocks& blocks : parts_[i].blocks) {
      const Range range = range_of(share, blocks.blocks());
      blocks.describe(range.begin, range.end, &args);
      kernels.spmm(args);
    }
  }
}

}  // namespace tfsparse
