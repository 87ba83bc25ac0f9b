// How scaled sums become codes.
#pragma once

namespace tfsparse {
namespace int8 {
namespace {

// From what serves all to what needs the fewest instructions.
enum class Narrow {
  kClamped,
  kSaturated,         // lo and hi are those of 8 bits
  kShort,             // and scaled sums fit 16 bits
  kShortAboveLowest,  // and the zero point is the lowest code, as after ReLU
};

}  // namespace
}  // namespace int8
}  // namespace tfsparse
