#include "delegate/core/memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tfsparse {
namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

Buffer::Buffer(std::size_t count, std::size_t element_bytes) : bytes_(count * element_bytes) {
  if (count == 0) return;
  // A kernel that walks many channels touches a page a channel: huge pages keep that within the
  // TLB.
  const std::size_t alignment = bytes_ >= kHugePage ? kHugePage : kAlignment;
  block_ = std::malloc(bytes_ + alignment);
  if (block_ == nullptr) {
    bytes_ = 0;
    return;
  }
  const auto first = round_up(reinterpret_cast<std::uintptr_t>(block_), alignment);
  data_ = Elements(reinterpret_cast<void*>(first), element_bytes);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (alignment == kHugePage) madvise(data_, bytes_, MADV_HUGEPAGE);
#endif
  std::memset(data_, 0, bytes_);
}

Buffer::~Buffer() { std::free(block_); }

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(block_, other.block_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Buffer to_elements(const std::vector<float>& values, const Kernels& kernels) {
  Buffer buffer(values.size(), kernels.element_bytes);
  kernels.from_floats(values.data(), buffer.data(), values.size());
  return buffer;
}

ArenaPlan plan_arena(const std::vector<Lifetime>& lifetimes) {
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return lifetimes[a].elements > lifetimes[b].elements;
  });

  ArenaPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<std::size_t> placed;  // by address
  for (std::size_t index : order) {
    const Lifetime& mine = lifetimes[index];
    const std::size_t size = round_up(mine.elements, kAlignment / sizeof(float));
    std::size_t offset = 0;
    for (std::size_t other : placed) {
      const Lifetime& theirs = lifetimes[other];
      if (theirs.last_step < mine.first_step || mine.last_step < theirs.first_step) continue;
      if (offset + size <= plan.offsets[other]) break;
      const std::size_t end =
          plan.offsets[other] + round_up(theirs.elements, kAlignment / sizeof(float));
      offset = std::max(offset, end);
    }
    plan.offsets[index] = offset;
    plan.elements = std::max(plan.elements, offset + size);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), index,
                                   [&](std::size_t a, std::size_t b) {
                                     return plan.offsets[a] < plan.offsets[b];
                                   }),
                  index);
  }
  return plan;
}

}  // namespace tfsparse
