// A tile that loads and stores up to four vectors per instruction, on arm64.
#pragma once

#include "delegate/kernels/tile.h"

namespace tfsparse {
namespace {

// Splits the T vectors of a tile into loads of 4, 2, 4 and 4 vectors, or of 4, 2, 2 and 2 if that
// is enough. A load of four that moves its pointer delays the next one on in-order cores, so a load
// of two is placed between. By LLVM's model of the Cortex-A55, three loads of four in a row take
// 1.21 times the load unit's time for 12 vectors.
template <int T>
struct TileLoads {
  static constexpr bool kHasFours = T > 10;  // more than one load of four
  static constexpr int kCount = kHasFours ? 4 : T > 4 ? (T - 1) / 2 : 1;

  static constexpr int vectors(int load) {
    constexpr int kBefore[] = {0, 4, 6, kHasFours ? 10 : 8};
    return smaller(load == 0 || (load > 1 && kHasFours) ? 4 : 2, T - kBefore[load]);
  }
  // The first vector of a load. In large tiles, the second load has the last two vectors, since the
  // pointer has moved for the others.
  static constexpr int begin(int load) {
    constexpr int kBegin[] = {0, kHasFours ? T - 2 : 4, kHasFours ? 4 : 6, 8};
    return kBegin[load];
  }
  // Whether the load advances the pointer.
  static constexpr bool moves(int load) {
    return kHasFours && (load == 0 || (load == 2 && vectors(3) > 2));
  }
};

template <int T, class Last>
struct GroupedTile : Tile<T, Last> {
  static_assert(std::is_same_v<Last, Vec>);
  using Groups = typename Last::Groups;  // only vectors of arm64 have these
  using Loads = TileLoads<T>;
  static constexpr int kGroup = 4;

  TFSPARSE_INLINE Vec& at(int t) { return t < T - 1 ? this->whole[t] : this->last; }
  TFSPARSE_INLINE Vec at(int t) const { return t < T - 1 ? this->whole[t] : this->last; }

  // Fills with one number, which p holds once per lane of a group.
  template <int Copies>
  TFSPARSE_INLINE void fill(const Element* p) {
    static_assert(Copies == kGroup * Vec::kLanes);
    p = opaque(p);
    for_constants<T / kGroup>([&](auto group) TFSPARSE_INLINE_LAMBDA {
      constexpr int t = kGroup * group;
      Groups::template load<group, kGroup>(p, at(t), at(t + 1), at(t + 2), at(t + 3));
    });
    TFSPARSE_UNROLL
    for (int t = T / kGroup * kGroup; t < T; ++t) at(t) = Vec::load(p + t % kGroup * Vec::kLanes);
  }
  // Stores only `lanes` lanes of the last vector.
  TFSPARSE_INLINE void store(Element* p, int lanes) const {
    constexpr int kGroups = (T - 1) / kGroup;
    for_constants<kGroups>([&](auto group) TFSPARSE_INLINE_LAMBDA {
      constexpr int t = kGroup * group;
      Groups::template store<group>(p, at(t), at(t + 1), at(t + 2), at(t + 3));
    });
    TFSPARSE_UNROLL
    for (int t = kGroups * kGroup; t < T - 1; ++t) at(t).store(p + t % kGroup * Vec::kLanes);
    this->last.store(p + (T - 1) % kGroup * Vec::kLanes, lanes);
  }

  // sum += factor i * this, for the vectors of one load.
  template <int Load, class Numbers>
  TFSPARSE_INLINE void add_scaled_to(GroupedTile* sum, const Numbers& factors, int i) const {
    constexpr int kBegin = Loads::begin(Load), kEnd = kBegin + Loads::vectors(Load);
    TFSPARSE_UNROLL
    for (int t = kBegin; t < kEnd; ++t) {
      sum->at(t) = factors.fma_in_place(at(t), i, sum->at(t));
    }
  }
  // Loads the vectors of one load from p, which these loads advance in turn.
  template <int Load>
  TFSPARSE_INLINE void load_part(const Element*& p) {
    constexpr int t = Loads::begin(Load), kVectors = Loads::vectors(Load);
    if constexpr (kVectors > 2) {
      constexpr int kFirstGroup = 3;  // behind the groups of sums
      constexpr int kIndex = kFirstGroup + (Load == 0 ? 0 : Load - 1);
      Groups::template load<kIndex, kVectors, Loads::moves(Load)>(p, at(t), at(t + 1), at(t + 2),
                                                                  at(t + kVectors - 1));
    } else {
      constexpr int kAt = t - (Loads::moves(0) ? kGroup : 0);  // relative to p
      keep_order();
      TFSPARSE_UNROLL
      for (int i = 0; i < kVectors; ++i) at(t + i) = Vec::load(p + (kAt + i) * Vec::kLanes);
      keep_order();
    }
  }
};

}  // namespace
}  // namespace tfsparse
