#include "delegate/core/product.h"

#include <algorithm>

namespace tfsparse {
namespace {

// From this fraction of zeros on, skipping them is faster than multiplying by them.
constexpr double kSparseFrom = 0.4;

constexpr int kDenseTile = 3;

// Taps below which a part of the reduction is mostly loading and storing sums.
constexpr int kFewestTaps = 16;

// The size of block that most channels are in.
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
  depth_ = static_cast<int>(weights.taps.size());
  epilogue_ = epilogue;
  const auto zeros = std::count(weights.dense.begin(), weights.dense.end(), 0.0f);
  sparse_ = zeros >= kSparseFrom * weights.dense.size();
  if (sparse_) {
    density_ = 1.0 - static_cast<double>(zeros) / weights.dense.size();
    pack_sparse(weights, bias, run, kernels);
    return;
  }
  tile_pixels_ = kDenseTile * kernels.lanes;
  dense_block_ = kernels.gemm_rows;
  std::vector<float> ordered(weights.dense.size());
  for (int row = 0; row < channels_; ++row) {
    const std::size_t begin = static_cast<std::size_t>(row) * depth_;
    for (int i = 0; i < depth_; ++i) {
      ordered[begin + i] = weights.dense[begin + weights.taps[i].column];
    }
  }
  weights_ = pack_dense(ordered, channels_, depth_, dense_block_, kernels);
  bias_ = bias;
  bias_.resize((channels_ + dense_block_ - 1) / dense_block_ * dense_block_);
  for (const Tap& tap : weights.taps) offsets_.push_back(tap.offset);
  name_ = std::string("dense ") + kernels.name;
}

void Product::pack_sparse(const Weights& weights, const std::vector<float>& bias, int run,
                          const Kernels& kernels) {
  const std::vector<RowBlocks> blocks = find_blocks(weights.dense, channels_, depth_);
  const int block = usual_block(blocks);
  const int largest = kernels.usual_tile[block];
  // As few passes over the weights as that allows, all equally wide.
  const int vectors = std::max(1, (run + kernels.lanes - 1) / kernels.lanes);
  const int passes = (vectors + largest - 1) / largest;
  tile_ = (vectors + passes - 1) / passes;
  tile_pixels_ = tile_ * kernels.lanes;

  const int channel_bytes =
      static_cast<int>(kernels.element_bytes) * (weights.lines * tile_pixels_ + weights.more);
  const int channels = depth_ / weights.taps_per_channel;
  const int fitting =
      std::max({1, kernels.tile_bytes / channel_bytes, kFewestTaps / weights.taps_per_channel});
  const int count = (channels + fitting - 1) / fitting;
  for (int i = 0; i < count; ++i) {
    const Range range = range_of({i, count}, channels);
    std::vector<Tap> taps(weights.taps.begin() + range.begin * weights.taps_per_channel,
                          weights.taps.begin() + range.end * weights.taps_per_channel);
    Part part{taps.front().offset, {}};
    for (Tap& tap : taps) tap.offset -= part.offset;
    for (const RowBlocks& rows : blocks) {
      part.blocks.push_back(pack_blocks(weights.dense, depth_, rows, taps, kernels));
    }
    parts_.push_back(std::move(part));
  }
  std::vector<float> copies;
  for (const float value : bias) copies.insert(copies.end(), kernels.bias_copies, value);
  copied_bias_ = to_elements(copies, kernels);
  name_ = std::string("sparse ") + kernels.name + " " + std::to_string(tile_) + "x" +
          std::to_string(kernels.lanes) + (count > 1 ? "/" + std::to_string(count) : "") +
          (block > 1 ? ", blocks of " + std::to_string(block) : "");
}

void Product::multiply(const Kernels& kernels, Share share, Elements x, Elements y,
                       std::size_t y_stride, Elements residual, int n) const {
  if (!sparse_) {
    const Range rows = dense_range(share);
    const std::size_t at = rows.begin * y_stride;
    kernels.gemm({x, y + at, y_stride, n, rows.end - rows.begin, depth_,
                  weights_.data() + static_cast<std::size_t>(rows.begin) * depth_, offsets_.data(),
                  bias_.data() + rows.begin, residual ? residual + at : residual, epilogue_});
    return;
  }
  SpmmArgs args{};
  args.y_stride = y_stride;
  args.bias = copied_bias_.data();
  args.tile = tile_;
  args.epilogue = epilogue_;
  // Tile by tile, so that the parts of the reduction find their sums in the cache.
  const int step = parts_.size() > 1 ? tile_pixels_ : n;
  for (int at = 0; at < n; at += step) {
    args.y = y + at;
    args.residual = residual ? residual + at : residual;
    args.n = std::min(step, n - at);
    multiply_sparse(kernels, share, x + at, args);
  }
}

void Product::multiply_sparse(const Kernels& kernels, Share share, Elements x,
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

// Whole blocks of packed rows.
Range Product::dense_range(Share share) const {
  const Range blocks = range_of(share, (channels_ + dense_block_ - 1) / dense_block_);
  return {std::min(channels_, blocks.begin * dense_block_),
          std::min(channels_, blocks.end * dense_block_)};
}

}  // namespace tfsparse
