#include "delegate/tflite/options.h"

#include <cerrno>
#include <cstdlib>

namespace tfsparse {
namespace {

bool parse_int(const std::string& text, long lowest, long highest, int* result) {
  char* end = nullptr;
  errno = 0;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || errno != 0 || value < lowest || value > highest) return false;
  *result = static_cast<int>(value);
  return true;
}

std::string supported_names() {
  std::string names;
  for (const Kernels* kernels : supported_kernels()) {
    names += (names.empty() ? "" : ", ") + std::string(kernels->name);
  }
  return names;
}

}  // namespace

Status parse_options(const char* const* keys, const char* const* values, std::size_t count,
                     Options* options) {
  options->kernels = &best_kernels();
  bool fp16 = false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string key = keys[i] ? keys[i] : "", value = values[i] ? values[i] : "";
    const auto expected = [&](const char* what) {
      return Status::error("option " + key + ": expected " + what + ", received '" + value + "'");
    };
    int flag = 0;
    if (key == "num_threads") {
      if (!parse_int(value, 0, 256, &options->num_threads)) {
        return expected("a number from 0 (as the interpreter) to 256");
      }
    } else if (key == "isa") {
      options->kernels = find_kernels(value.c_str());
      if (options->kernels == nullptr) {
        return expected(("an instruction set that this CPU has: " + supported_names()).c_str());
      }
    } else if (key == "precision") {
      if (value != "fp16" && value != "fp32") return expected("fp16 or fp32");
      fp16 = value == "fp16";
    } else if (key == "auto") {
      if (!parse_int(value, 0, 1, &flag)) return expected("0 or 1");
      options->automatic = flag == 1;
    } else if (key == "profile") {
      if (!parse_int(value, 0, 1, &flag)) return expected("0 or 1");
      options->profile = flag == 1;
    } else if (key == "report") {
      options->report = value;
    } else {
      return Status::error("unknown option '" + key +
                           "': expected num_threads, isa, precision, auto, profile or report");
    }
  }
  if (fp16) {
    const Kernels* kernels = find_fp16_kernels(*options->kernels);
    options->lacks_fp16 = kernels == nullptr;
    if (kernels != nullptr) options->kernels = kernels;
  }
  return {};
}

}  // namespace tfsparse
