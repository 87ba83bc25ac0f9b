// The delegate's options.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/status.h"
#include "delegate/kernels/kernels.h"
#include "delegate/tflite/input_shapes.h"

namespace tfsparse {

struct Options {
  int num_threads = 0;  // 0: as in the interpreter
  // The fastest kernels unless `isa` names others; in float16 if `precision` is fp16 and the CPU
  // supports it.
  const Kernels* kernels = &best_kernels();
  bool lacks_fp16 = false;               // fp16 was requested but is not available
  bool automatic = true;                 // leave nodes to TFLite's default where it is faster
  bool profile = false;                  // time every step
  std::string tuning;                    // path of the tuning cache; empty for none
  std::vector<InputShape> input_shapes;  // to which inputs will be resized
  // Parts of a tuning cache key: see tuning/cache.h.
  std::string runtime_version, input_shapes_text;
};

// These fail if the value is invalid, and then change nothing.
Status set_num_threads(int value, Options* options);
Status set_isa(const std::string& name, Options* options);
Status set_input_shapes(const std::string& text, Options* options);
// Switches to float16 kernels of the same instruction set.
void set_fp16(Options* options);

// Reads `count` pairs of key and value. Fails on an unknown key or an invalid value.
Status parse_options(const char* const* keys, const char* const* values, std::size_t count,
                     Options* options);

}  // namespace tfsparse
