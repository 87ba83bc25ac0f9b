// The checksum CRC-32 of zlib and PNG.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tfsparse {

std::uint32_t crc32(const std::uint8_t* data, std::size_t size);

}  // namespace tfsparse
