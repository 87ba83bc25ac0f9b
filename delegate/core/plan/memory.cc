#include "delegate/core/plan/memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>  // whose macros do nothing without AddressSanitizer
#else
#define ASAN_POISON_MEMORY_REGION(first, bytes) ((void)(first), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(first, bytes) ((void)(first), (void)(bytes))
#endif

namespace tfsparse {
namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

// Kernels read up to this many bytes past the end of a run.
constexpr std::size_t kOverreadBytes = kOverread * sizeof(float);
static_assert(kOverreadBytes >= int8::kOverread);

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Fails as `operator new` does.
[[noreturn]] void fail_to_allocate() {
#if defined(__cpp_exceptions)
  throw std::bad_alloc();
#else
  std::abort();
#endif
}

}  // namespace

Buffer::Buffer(std::uint64_t count, std::size_t element_bytes)
    : Buffer(count, element_bytes, std::nothrow) {
  if (data_ == nullptr) fail_to_allocate();
}

Buffer::Buffer(std::uint64_t count, std::size_t element_bytes, std::nothrow_t) {
  constexpr std::uint64_t kMostBytes = PTRDIFF_MAX;
  if (count > (kMostBytes - kHugePage) / element_bytes - kOverreadBytes) return;
  const auto bytes = static_cast<std::size_t>(count * element_bytes);
  const std::size_t padded = bytes + kOverreadBytes;
  // Kernels that read many channels touch one page per channel. Huge pages keep these in the TLB.
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : kAlignment;
  block_ = ::operator new(padded + alignment, std::nothrow);
  if (block_ == nullptr) return;
  block_bytes_ = padded + alignment;
  bytes_ = bytes;
  char* block = static_cast<char*>(block_);
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  char* first = block + (round_up(address, alignment) - address);
  data_ = PaddedElements(Elements(first, element_bytes));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (alignment == kHugePage) madvise(first, bytes, MADV_HUGEPAGE);
#endif
  std::memset(first, 0, padded);
  ASAN_POISON_MEMORY_REGION(block, first - block);
  ASAN_POISON_MEMORY_REGION(first + padded, block + block_bytes_ - (first + padded));
}

Buffer::~Buffer() {
  ASAN_UNPOISON_MEMORY_REGION(block_, block_bytes_);
  ::operator delete(block_);
}

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(block_, other.block_);
  std::swap(block_bytes_, other.block_bytes_);
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
    return lifetimes[a].bytes > lifetimes[b].bytes;
  });

  ArenaPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<std::size_t> placed;  // sorted by offset
  for (std::size_t index : order) {
    const Lifetime& mine = lifetimes[index];
    const std::uint64_t size = round_up(mine.bytes, kAlignment);
    std::uint64_t offset = 0;
    for (std::size_t other : placed) {
      const Lifetime& theirs = lifetimes[other];
      if (theirs.last_step < mine.first_step || mine.last_step < theirs.first_step) continue;
      if (offset + size <= plan.offsets[other]) break;
      offset = std::max(offset, plan.offsets[other] + round_up(theirs.bytes, kAlignment));
    }
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + size);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), index,
                                   [&](std::size_t a, std::size_t b) {
                                     return plan.offsets[a] < plan.offsets[b];
                                   }),
                  index);
  }
  return plan;
}

}  // namespace tfsparse
