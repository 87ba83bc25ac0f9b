// The decoder of DEFLATE (RFC 1951), the format inside of zip, gzip and PNG.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tfsparse {

// Decodes to exactly `size` bytes. Returns whether the data is valid and has as many.
bool inflate(const std::uint8_t* data, std::size_t data_size, std::uint8_t* output,
             std::size_t size);

}  // namespace tfsparse
