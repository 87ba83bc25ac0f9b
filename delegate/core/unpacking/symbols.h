// Streams of bytes that are entropy-coded, each with a table of frequencies of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "delegate/core/unpacking/byte_reader.h"

namespace tfsparse {

// Decodes a stream of `count` bytes. Returns whether it is valid. See docs/pack.md for the format.
bool read_symbols(ByteReader* from, std::uint64_t count, std::vector<std::uint8_t>* symbols);

}  // namespace tfsparse
