// Formats numbers with units.
#pragma once

#include <cstddef>
#include <string>

namespace tfsparse {

// A time with three significant digits, such as "1.24 ms".
std::string format_seconds(double seconds);

// A number of bytes with three significant digits, such as "1.24 MB".
std::string format_bytes(std::size_t bytes);

}  // namespace tfsparse
