// Arrays of numbers of which most may be zero, as gaps between the others and their values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "delegate/core/unpacking/byte_reader.h"

namespace tfsparse {

// Decodes an array of `size` bytes. Returns whether it is valid. See docs/pack.md for the format.
bool read_numbers(ByteReader* from, std::uint8_t* output, std::size_t size);

}  // namespace tfsparse
