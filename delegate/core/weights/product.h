// The product of weights and runs of pixels, which computes any convolution.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/weights/pack.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

// One of `count` parts of the output channels with about equal work.
struct Share {
  int index = 0, count = 1;
};

// A share of [0, total).
struct Range {
  int begin, end;
};
inline Range range_of(Share share, int total) {
  const auto at = [&](int i) {
    return static_cast<int>(static_cast<std::int64_t>(total) * i / share.count);
  };
  return {at(share.index), at(share.index + 1)};
}

class Product {
 public:
  // A [channels][depth] matrix and the offsets of its columns in the input.
  struct Weights {
    std::vector<float> dense;
    int channels;
    std::vector<Tap> taps;  // channel by channel of the input
    int taps_per_channel;
    // All taps of an input channel together read lines * n + more elements for n pixels.
    int lines, more;

    int inputs() const { return static_cast<int>(taps.size()) / taps_per_channel; }
  };

  // Chooses sparse or dense and packs. `run` is the usual length of a run of pixels.
  void pack(const Weights& weights, const std::vector<float>& bias, const Epilogue& epilogue,
            int run, const Kernels& kernels);

  // y[c][p] = epilogue(bias[c] + ...) + residual[c][p] for the share's channels c and p in [0, n).
  // x, y and residual (or null) point at pixel 0 of channel 0.
  void multiply(const Kernels& kernels, Share share, PaddedElements x, PaddedElements y,
                std::size_t y_stride, PaddedElements residual, int n) const;

  // Calls body(c) for the share's channels.
  template <typename Body>
  void for_each_channel(Share share, const Body& body) const;

  int channels() const { return channels_; }
  int tile_pixels() const { return tile_pixels_; }  // per pass over the weights
  double density() const { return density_; }
  std::string name() const { return name_; }  // for reports

 private:
  struct Part {           // of the reduction: a tile of its inputs fits the cache
    std::int32_t offset;  // of its first tap
    std::vector<SparseBlocks> blocks;
  };

  void choose_tile(int run, int largest, const Kernels& kernels);
  int parts_for_cache(const Weights& weights, const Kernels& kernels, bool sparse) const;
  void pack_parts(const Weights& weights, const std::vector<RowBlocks>& blocks, int count,
                  const Kernels& kernels);
  // `args` describes one tile, or any run if there is one part with one block size.
  void multiply_tile(const Kernels& kernels, Share share, PaddedElements x, SpmmArgs args) const;

  int channels_ = 0;
  double density_ = 1;
  Epilogue epilogue_;
  int tile_ = 1, tile_pixels_ = 1;
  std::vector<Part> parts_;
  Buffer copied_bias_;  // each bias Kernels::bias_copies times
  std::string name_;
};

template <typename Body>
void Product::for_each_channel(Share share, const Body& body) const {
  for (const SparseBlocks& blocks : parts_.front().blocks) {
    const Range range = range_of(share, blocks.blocks());
    for (int i = range.begin * blocks.block; i < range.end * blocks.block; ++i) {
      body(blocks.rows[i]);
    }
  }
}

}  // namespace tfsparse
