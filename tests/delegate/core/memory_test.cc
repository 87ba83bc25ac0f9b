// The arena: tensors with overlapping lifetimes never overlap, and little memory is wasted.
#include "delegate/core/plan/memory.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <type_traits>

#include "gtest/gtest.h"

using tfsparse::ArenaPlan;
using tfsparse::Buffer;
using tfsparse::Elements;
using tfsparse::Lifetime;
using tfsparse::Padded;
using tfsparse::PaddedElements;
using tfsparse::plan_arena;

namespace {

// A kernel that reads past the end of a run cannot get a pointer to the caller's memory.
static_assert(std::is_convertible_v<PaddedElements, Padded<const void>>);
static_assert(!std::is_convertible_v<Elements, Padded<const void>>);
static_assert(!std::is_convertible_v<Elements, PaddedElements>);
static_assert(!std::is_convertible_v<float*, Padded<void>>);

bool live_together(const Lifetime& a, const Lifetime& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

TEST(PlanArena, AChainNeedsTwoTensorsAtATime) {
  std::vector<Lifetime> chain;
  for (int step = 0; step < 10; ++step) chain.push_back({1024, step, step + 1});
  EXPECT_EQ(plan_arena(chain).bytes, 2048);
}

// In the given order, there would be no gap large enough for the last tensor.
TEST(PlanArena, PlacesLargeTensorsFirst) {
  EXPECT_EQ(plan_arena({{64, 0, 0}, {128, 0, 1}, {192, 1, 1}}).bytes, 320);
}

TEST(PlanArena, TensorsThatLiveTogetherNeverOverlap) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<Lifetime> lifetimes;
    for (int i = random() % 30; i >= 0; --i) {
      const int first = random() % 20;
      lifetimes.push_back({random() % 5000, first, first + static_cast<int>(random() % 6)});
    }
    const ArenaPlan plan = plan_arena(lifetimes);
    std::size_t largest_step = 0, sum = 0;
    for (int step = 0; step < 30; ++step) {
      std::size_t live = 0;
      for (const Lifetime& l : lifetimes) {
        if (l.first_step <= step && step <= l.last_step) live += l.bytes;
      }
      largest_step = std::max(largest_step, live);
    }
    for (std::size_t i = 0; i < lifetimes.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 64, 0);
      EXPECT_LE(plan.offsets[i] + lifetimes[i].bytes, plan.bytes);
      sum += lifetimes[i].bytes + 64;
      for (std::size_t j = 0; j < i; ++j) {
        EXPECT_TRUE(!live_together(lifetimes[i], lifetimes[j]) ||
                    plan.offsets[i] + lifetimes[i].bytes <= plan.offsets[j] ||
                    plan.offsets[j] + lifetimes[j].bytes <= plan.offsets[i]);
      }
    }
    EXPECT_GE(plan.bytes, largest_step);
    EXPECT_LE(plan.bytes, sum);
  }
}

TEST(Buffer, IsAlignedAndZeroAndMoves) {
  for (std::size_t floats : {std::size_t{1}, std::size_t{1000}, std::size_t{1} << 20}) {
    Buffer buffer(floats, sizeof(float));
    void* data = buffer.data();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data) % 64, 0);
    const auto* x = static_cast<const float*>(data);
    EXPECT_TRUE(std::all_of(x, x + floats + tfsparse::kOverread, [](float v) { return v == 0; }));
    Buffer moved = std::move(buffer);
    EXPECT_EQ(moved.data(), data);
    EXPECT_EQ(buffer.data(), nullptr);
    EXPECT_EQ(moved.bytes(), floats * sizeof(float));
    EXPECT_EQ(buffer.bytes(), 0);
  }
}

TEST(Buffer, IsNullWhereNoMemoryHoldsIt) {
  for (std::uint64_t floats : {std::uint64_t{1} << 61, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
    EXPECT_EQ(Buffer(floats, sizeof(float), std::nothrow).data(), nullptr);
    EXPECT_THROW(Buffer(floats, sizeof(float)), std::bad_alloc);
  }
}

// The packed weights of a layer of zeros are empty, but kernels read a vector behind the last.
TEST(Buffer, CanBeReadBehindNoElements) {
  const Buffer buffer(0, sizeof(float));
  EXPECT_EQ(buffer.bytes(), 0u);
  ASSERT_NE(buffer.data(), nullptr);
  for (int i = 0; i < tfsparse::kOverread; ++i) EXPECT_EQ(tfsparse::floats(buffer)[i], 0.0f);
}

}  // namespace
