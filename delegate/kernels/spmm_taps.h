// The inner loops over taps. Each tap multiplies the pixels of an input channel by the weights of a
// block of output channels.
#pragma once

#include <cstring>

#include "delegate/kernels/grouped_tile.h"

namespace tfsparse {
namespace {

// Whether multiplications take registers only. The next inputs are then loaded during them.
constexpr bool kPipelined = Vec::kFactors > 1;

// Four adjacent offsets, in one or two loads.
template <class Offset>
class FourOffsets {
 public:
  TFSPARSE_INLINE explicit FourOffsets(const Offset* offsets) {
    std::memcpy(words_, offsets, sizeof words_);
  }
  template <int I>
  TFSPARSE_INLINE std::size_t get() const {
    return static_cast<Offset>(words_[I / kInWord] >> (I % kInWord * 8 * sizeof(Offset)));
  }

 private:
  static constexpr int kInWord = sizeof(std::uint64_t) / sizeof(Offset);
  std::uint64_t words_[4 / kInWord];
};

// For out-of-order processors with memory operands. With few vectors, each sum is split into parts,
// each of every kParts-th tap: an FMA takes four cycles, in which two units start eight of them.
template <int Block, class Offset, int T, class Last>
class PlainTaps {
 public:
  PlainTaps(const Element* x, const Element* values, const Offset* offsets)
      : x_(x), values_(values), offsets_(offsets) {}

  // Adds the next `count` taps to the block's tiles.
  TFSPARSE_INLINE void add(Tile<T, Last>* sums, unsigned count) {
    unsigned i = 0;
    if constexpr (kParts > 1) {
      Tile<T, Last> others[kParts - 1][Block];
      for (auto& part : others) {
        TFSPARSE_UNROLL
        for (int c = 0; c < Block; ++c) part[c].fill(0.0f);
      }
      for (; i + kAtOnce <= count; i += kAtOnce) add_to_parts(sums, others, i);
      for (auto& part : others) {
        TFSPARSE_UNROLL
        for (int c = 0; c < Block; ++c) sums[c].add(part[c]);
      }
    } else if constexpr (kByFours) {
      for (; i + 4 <= count; i += 4) {
        add_four_taps(i, [&](int, auto weight, const Element* x)
                             TFSPARSE_INLINE_LAMBDA { sums[0].add_scaled(weight, x); });
      }
    }
    for (; i < count; ++i) add_tap(sums, i);
    offsets_ += count;
    values_ += count * Block;
  }

 private:
  static constexpr int kVectors = Block * T;
  // Measured with AVX-512 and AVX2: with more vectors, parts do not help.
  static constexpr int kParts = kVectors == 1 ? 4 : kVectors <= (Block == 1 ? 3 : 4) ? 2 : 1;
  // Processors with AVX2 load twice in a cycle and multiply two vectors. With weights and offsets
  // loaded four at a time, nearly all loads are of pixels.
  static constexpr bool kByFours = Block == 1 && Vec::kLoadsFour;
  static constexpr int kAtOnce = kByFours ? 4 : kParts;

  // Adds kAtOnce taps from tap i on, to the parts in turn.
  TFSPARSE_INLINE void add_to_parts(Tile<T, Last>* sums, Tile<T, Last> (*others)[Block],
                                    unsigned i) const {
    const auto part_of = [&](int tap) TFSPARSE_INLINE_LAMBDA {
      return tap % kParts == 0 ? sums : others[tap % kParts - 1];
    };
    if constexpr (kByFours) {
      add_four_taps(i, [&](int tap, auto weight, const Element* x)
                           TFSPARSE_INLINE_LAMBDA { part_of(tap)->add_scaled(weight, x); });
    } else {
      TFSPARSE_UNROLL
      for (int tap = 0; tap < kAtOnce; ++tap) add_tap(part_of(tap), i + tap);
    }
  }

  // Calls add(tap, weight, pixels) for four taps from tap i on.
  template <class F, class V = Vec>  // so that only sets with kLoadsFour need its functions
  TFSPARSE_INLINE void add_four_taps(unsigned i, const F& add) const {
    const V weights = V::load_four(values_ + i);
    const FourOffsets<Offset> offsets(offsets_ + i);
    for_constants<4>([&](auto tap) TFSPARSE_INLINE_LAMBDA {
      add(tap, V::template one_of_four<tap>(weights), x_ + offsets.template get<tap>());
    });
  }

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

// For blocks on in-order cores. During the multiplications of one tap, the next tap's pixels are
// loaded into the registers just read, so nothing waits for a load. The last pixels are loaded
// after the next weights, at the start of the tap: otherwise the core would idle during these
// loads.
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
    // A counter, as compilers would otherwise compute the end address from the number of taps.
    TFSPARSE_NO_UNROLL
    for (unsigned left = count / kRound; left > 0; left = opaque(left - 1)) {
      TFSPARSE_UNROLL
      for (int i = 0; i < kRound; i += kAtOnce) add_at_once<kAtOnce>(sums, here);
    }
  }

 private:
  // Blocks of 4 have no registers for more weights but unroll further. That did not help blocks of
  // 2.
  static constexpr int kAtOnce = larger(2, smaller(4, Vec::kFactors / Block));
  static constexpr int kRound = Block == 4 ? 4 : kAtOnce;

  template <int Count>
  TFSPARSE_INLINE void add_at_once(Tile<T, Last>* sums, const Element*& here) {
    const Factors<Vec, ceil_div(Count * Block, Vec::kFactors) * Vec::kFactors> weights(values_);
    const Element* next[Count];  // early, to hide the latency of the address
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

// For single channels, with as many loads as multiplications. One instruction loads up to four
// vectors, during the multiplications of the previous tap. The next tap's address and weight are
// always ready, also at the start of a row. Offsets are loaded and most addresses computed after a
// load of two vectors, where in-order cores wait least.
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
    // 8 at once would double the code.
    TFSPARSE_NO_UNROLL
    for (unsigned left = count / 4; left > 0;) {
      left = opaque(left - 1);
      add_at_once<4>(sum);
    }
  }

 private:
  static constexpr int kAhead = 2;  // offsets are read this many taps early
  static constexpr int kLoads = TileLoads<T>::kCount;

  template <int Count>
  TFSPARSE_INLINE void add_at_once(GroupedTile<T, Last>* sum) {
    const Element* at[Count];  // addresses of the pixels by tap
    at[0] = next_;
    std::uint64_t offsets[2];  // two packed in each
    for_constants<Count * kLoads>([&](auto step) TFSPARSE_INLINE_LAMBDA {
      constexpr int tap = step / kLoads, load = step % kLoads;
      constexpr bool kIsSecond = load == smaller(1, kLoads - 1), kIsLast = load == kLoads - 1;
      // After the second load, but first in small tiles, as load_weights() uses offsets_.
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

  // One instruction. Offsets are from 0 to below kMaxOffset, so the shift for the upper one removes
  // all bits of the lower one.
  TFSPARSE_INLINE const Element* address(const std::uint64_t* offsets, int i) const {
    constexpr int kShift = sizeof(Element) == 4 ? 2 : 1;
    const std::uint64_t two = offsets[i / 2];
    return i % 2 ? bytes_on(x_, two >> (32 - kShift)) : x_ + static_cast<std::uint32_t>(two);
  }

  // Loads the weights after the `Count` taps just multiplied. If elements are as long as offsets,
  // one pointer serves both.
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
  std::ptrdiff_t values_behind_;  // values_ - offsets_ in bytes
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
