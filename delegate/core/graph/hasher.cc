#include "delegate/core/graph/hasher.h"

#include <cstring>

namespace tfsparse {

std::uint64_t hash_bytes(const void* data, std::size_t size, std::uint64_t seed) {
  constexpr std::uint64_t kMultiplier = 0xc6a4a7935bd1e995;
  constexpr int kShift = 47;
  const auto mix = [](std::uint64_t value) {
    value *= kMultiplier;
    return (value ^ (value >> kShift)) * kMultiplier;
  };
  const char* bytes = static_cast<const char*>(data);
  std::uint64_t hash = seed ^ (size * kMultiplier);
  for (; size >= sizeof(std::uint64_t); size -= sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    bytes += sizeof word;
    hash = (hash ^ mix(word)) * kMultiplier;
  }
  if (size > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, size);
    hash = (hash ^ word) * kMultiplier;
  }
  hash = (hash ^ (hash >> kShift)) * kMultiplier;
  return hash ^ (hash >> kShift);
}

}  // namespace tfsparse
