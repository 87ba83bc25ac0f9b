// What a user may set when creating the delegate.
#pragma once

#include <string>

#include "delegate/core/status.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

struct Options {
  int num_threads = 0;  // 0 follows the interpreter
  // Set by parse_options: the fastest unless `isa` names others, in float16 where `precision` asks
  // for it and the CPU has it.
  const Kernels* kernels = nullptr;
  bool lacks_fp16 = false;  // asked for in vain: float32 is computed instead
  bool automatic = true;    // leave to the default runtime what it runs faster
  bool profile = false;     // time every step
  std::string report;       // a key under which make_report finds the delegate
};

// Reads `count` pairs of key and value. Fails on a key that is not known or a value out of range.
Status parse_options(const char* const* keys, const char* const* values, std::size_t count,
                     Options* options);

}  // namespace tfsparse
