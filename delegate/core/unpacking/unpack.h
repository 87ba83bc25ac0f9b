// Decodes the archives that `tfsparse.pack` writes. docs/pack.md has their format.
#pragma once

#include <cstddef>
#include <cstdint>

#include "delegate/core/graph/status.h"

namespace tfsparse {

// Checks that an archive is whole. Sets the size of the file that it holds.
Status unpacked_size(const std::uint8_t* archive, std::size_t archive_size, std::uint64_t* size);

// Decodes the file to `output`, whose `size` must be that of `unpacked_size`. After an error its
// content is undefined. Takes memory for a byte or two of each weight of one tensor.
Status unpack(const std::uint8_t* archive, std::size_t archive_size, std::uint8_t* output,
              std::size_t size);

}  // namespace tfsparse
