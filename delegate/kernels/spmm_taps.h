// The nonzero weights of a pass as they stream by: each is one tap, of an input channel, whose
// pixels are multiplied by the weights that a block of output channels has for it.
#pragma once

#include "delegate/kernels/grouped_tile.h"

namespace tfsparse {
namespace {

// Whether a multiplication reads nothing from memory: then the next inputs are loaded meanwhile.
constexpr bool kPipelined = Vec::kFactors > 1;

// For processors that multiply straight from memory, and order instructions themselves. A sum of
// few vectors is computed in parts, each of every kParts-th tap: a multiplication that adds to a
// vector takes four cycles, in which two units begin eight of them.
template <int Block, class Offset, int T, class Last>
class PlainTaps {
 public:
  PlainTaps(const Element* x, const Element* values, const Offset* offsets)
      : x_(x), values_(values), offsets_(offsets) {}

  // Adds the next `count` taps to the tiles of the block's channels.
  TFSPARSE_INLINE void add(Tile<T, Last>* sums, unsigned count) {
    unsigned i = 0;
    if constexpr (kParts > 1) {
      Tile<T, Last> parts[kParts - 1][Block];
      for (auto& part : parts) {
        TFSPARSE_UNROLL
        for (int c = 0; c < Block; ++c) part[c].fill(0.0f);
      }
      for (; i + kParts <= count; i += kParts) {
        add_tap(sums, i);
        TFSPARSE_UNROLL
        for (int part = 1; part < kParts; ++part) add_tap(parts[part - 1], i + part);
      }
      for (auto& part : parts) {
        TFSPARSE_UNROLL
        for (int c = 0; c < Block; ++c) sums[c].add(part[c]);
      }
    }
    for (; i < count; ++i) add_tap(sums, i);
    offsets_ += count;
    values_ += count * Block;
  }

 private:
  static constexpr int kVectors = Block * T;
  // Measured with AVX-512 and AVX2: with more vectors, parts are no faster.
  static constexpr int kParts = kVectors == 1 ? 4 : kVectors <= (Block == 1 ? 3 : 4) ? 2 : 1;

  TFSPARSE_INLINE void add_tap(Tile<T, Last>* sums, unsigned i) const {
    const Element* weights = values_ + i * Block;
    const Element* x = x_ + offsets_[i];
    if constexpr (Block == 1) {
      sums[0].add_scaled(Vec::broadcast(*weights), x);
    } else {
      Tile<T, Last> in;
      in.load(x);
      TFSPARSE_UNROLL
      for (int c = 0; c < Block; ++c) sums[c].add_scaled(Vec::broadcast(weights[c]), in);
    }
  }

  const Element* x_;
  const Element* values_;
  const Offset* offsets_;
};

// Of blocks. While one tap is multiplied the next one's pixels are loaded, each into the register
// that was just read: on a core that runs instructions in their order, nothing waits for a load.
// The last pixels are loaded when their turn begins, behind the next weights: such a core would
// else do nothing while the one loads and the others wait for it.
template <int Block, int T, class Last>
class PipelinedTaps {
 public:
  PipelinedTaps(const Element* x, const Element* values, const std::int32_t* offsets)
      : x_(x), values_(values), offsets_(offsets + 1) {}

  TFSPARSE_INLINE void add(Tile<T, Last>* sums, unsigned count) {
    const Element* here = opaque(x_ + offsets_[-1]);
    in_.load_early(here);
    if (count & 1) add_at_once<1>(sums, here);
    if constexpr (kRound > 2) {
      if (count & 2) add_at_once<2>(sums, here);
    }
    // Counted, as compilers would else compute where it ends from the number of taps.
    TFSPARSE_NO_UNROLL
    for (unsigned left = count / kRound; left > 0; left = opaque(left - 1)) {
      TFSPARSE_UNROLL
      for (int i = 0; i < kRound; i += kAtOnce) add_at_once<kAtOnce>(sums, here);
    }
  }

 private:
  // Blocks of 4 have no registers for more weights, but more of them in a round; those of 2 were no
  // faster by it.
  static constexpr int kAtOnce = larger(2, smaller(4, Vec::kFactors / Block));
  static constexpr int kRound = Block == 4 ? 4 : kAtOnce;

  template <int Count>
  TFSPARSE_INLINE void add_at_once(Tile<T, Last>* sums, const Element*& here) {
    const Factors<Vec, ceil_div(Count * Block, Vec::kFactors) * Vec::kFactors> weights(values_);
    const Element* next[Count];  // early, as an address takes time
    TFSPARSE_UNROLL
    for (int i = 0; i < Count; ++i) next[i] = opaque(x_ + offsets_[i]);
    TFSPARSE_UNROLL
    for (int i = 0; i < Count; ++i) {
      in_.load_late(here);
      in_.add_scaled_to_all(sums, Block, weights, i * Block, next[i]);
      here = next[i];
    }
    offsets_ += Count;
    values_ += Count * Block;
  }

  const Element* x_;
  const Element* values_;
  const std::int32_t* offsets_;
  Tile<T, Last> in_;
};

// Of single channels, where loads are as many as multiplications. Up to four vectors are loaded by
// an instruction, again while the tap before is multiplied; what the next tap takes first, its
// address and its weight, is there already, also when a row begins. Offsets are loaded, and most
// addresses computed, behind a load of two vectors: a core that finishes in order waits least
// there.
template <int T, class Last>
class StreamedTaps {
 public:
  StreamedTaps(const Element* x, const Element* values, const std::int32_t* offsets)
      : x_(x), values_(values), offsets_(offsets + kAhead), weights_(values) {
    in_.load(opaque(x + offsets[0]));
    next_ = opaque(x + offsets[1]);
    values_behind_ =
        reinterpret_cast<const char*>(values_) - reinterpret_cast<const char*>(offsets_);
  }

  TFSPARSE_INLINE void add(GroupedTile<T, Last>* sum, unsigned count) {
    if (count & 1) add_at_once<1>(sum);
    if (count & 2) add_at_once<2>(sum);
    // 8 at once would be twice the code.
    TFSPARSE_NO_UNROLL
    for (unsigned left = count / 4; left > 0;) {
      left = opaque(left - 1);
      add_at_once<4>(sum);
    }
  }

 private:
  static constexpr int kAhead = 2;  // offsets that are read before their tap's turn
  static constexpr int kLoads = TileLoads<T>::kCount;

  template <int Count>
  TFSPARSE_INLINE void add_at_once(GroupedTile<T, Last>* sum) {
    const Element* at[Count];  // of which tap's pixels are loaded
    at[0] = next_;
    std::uint64_t offsets[2];  // two of them each
    for_constants<Count * kLoads>([&](auto step) TFSPARSE_INLINE_LAMBDA {
      constexpr int tap = step / kLoads, load = step % kLoads;
      constexpr bool kIsSecond = load == smaller(1, kLoads - 1), kIsLast = load == kLoads - 1;
      // Behind the second load; of small tiles before all, as load_weights() goes by offsets_.
      if constexpr (step == (kLoads > 2 ? 2 : 0)) {
        Last::Groups::template load_offsets<Count>(offsets_, offsets);
      }
      in_.template add_scaled_to<load>(sum, weights_, tap);
      if constexpr (kIsLast && tap + 1 == Count) load_weights<Count>();
      in_.template load_part<load>(at[tap]);
      if constexpr (tap == 0 ? kIsLast && Count > 1 : kIsSecond && tap + 1 < Count) {
        at[tap + 1] = opaque(address(offsets, tap));
      }
      if constexpr (Count == 1 ? kIsLast : kIsSecond && tap == 1) {
        next_ = address(offsets, Count - 1);
      }
    });
  }

  // One instruction: no offset is negative or reaches kMaxOffset, so that nothing of the lower one
  // is left of the upper one's shift.
  TFSPARSE_INLINE const Element* address(const std::uint64_t* offsets, int i) const {
    constexpr int kShift = sizeof(Element) == 4 ? 2 : 1;
    const std::uint64_t two = offsets[i / 2];
    return i % 2 ? bytes_on(x_, two >> (32 - kShift)) : x_ + static_cast<std::uint32_t>(two);
  }

  // Those of the taps behind the `Count` just multiplied. Of weights as long as offsets no
  // pointer need move.
  template <int Count>
  TFSPARSE_INLINE void load_weights() {
    if constexpr (sizeof(Element) == sizeof(std::int32_t)) {
      const char* offsets = reinterpret_cast<const char*>(offsets_);
      values_ = reinterpret_cast<const Element*>(offsets + values_behind_);
    } else {
      values_ = opaque(values_ + Count);
    }
    weights_ = Weights(values_);
    weights_.stay_packed();
  }

  using Weights = Factors<Vec, Vec::kFactors>;
  const Element* x_;
  const Element* values_;
  const std::int32_t* offsets_;
  std::ptrdiff_t values_behind_;  // offsets_, in bytes
  const Element* next_;
  Weights weights_;
  GroupedTile<T, Last> in_;
};

constexpr bool is_streamed(int block) { return kPipelined && block == 1; }

template <int Block, int T, class Last>
using Sum = std::conditional_t<is_streamed(Block), GroupedTile<T, Last>, Tile<T, Last>>;

template <int Block, class Offset, int T, class Last>
using Taps = std::conditional_t<is_streamed(Block), StreamedTaps<T, Last>,
                                std::conditional_t<kPipelined, PipelinedTaps<Block, T, Last>,
                                                   PlainTaps<Block, Offset, T, Last>>>;

}  // namespace
}  // namespace tfsparse
