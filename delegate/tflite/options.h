// What a user may set when creating the delegate.
#pragma once

#include <string>

#include "delegate/core/graph/status.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

struct Options {
  int num_threads = 0;  // 0 follows the interpreter
  // The fastest unless `isa` names others, in float16 where `precision` asks for it and the CPU has
  // it.
  const Kernels* kernels = &best_kernels();
  bool lacks_fp16 = false;  // asked for in vain: float32 is computed instead
  bool automatic = true;    // leave to the default runtime what it runs faster
  bool profile = false;     // time every step
  std::string tuning;       // the file of measured decisions that are followed; none where empty
  // Parts of the key of a measured decision, see tuning/cache.h.
  std::string runtime_version, input_shapes;
};

// Both fail where the value cannot be used, and change nothing then.
Status set_num_threads(int value, Options* options);
Status set_isa(const std::string& name, Options* options);
// Replaces the kernels chosen so far.
void set_fp16(Options* options);

// Reads `count` pairs of key and value. Fails on a key that is not known or a value out of range.
Status parse_options(const char* const* keys, const char* const* values, std::size_t count,
                     Options* options);

}  // namespace tfsparse
