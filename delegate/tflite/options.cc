#include "delegate/tflite/options.h"

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace tfsparse {
namespace {

constexpr int kMostThreads = 256;

Status expected(const std::string& key, const std::string& what, const std::string& received) {
  return Status::error("option " + key + ": expected " + what + ", received '" + received + "'");
}

Status wrong_num_threads(const std::string& received) {
  return expected("num_threads", "a number from 0 (as the interpreter) to 256", received);
}

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

Status set_num_threads(int value, Options* options) {
  if (value < 0 || value > kMostThreads) return wrong_num_threads(std::to_string(value));
  options->num_threads = value;
  return {};
}

Status set_isa(const std::string& name, Options* options) {
  const Kernels* kernels = find_kernels(name.c_str());
  if (kernels == nullptr) {
    return expected("isa", "an instruction set that this CPU has: " + supported_names(), name);
  }
  options->kernels = kernels;
  return {};
}

Status set_input_shapes(const std::string& text, Options* options) {
  std::vector<InputShape> shapes;
  TFSPARSE_RETURN_IF_ERROR(parse_input_shapes(text, &shapes));
  options->input_shapes = std::move(shapes);
  options->input_shapes_text = text;
  return {};
}

void set_fp16(Options* options) {
  const Kernels* kernels = find_fp16_kernels(*options->kernels);
  options->lacks_fp16 = kernels == nullptr;
  if (kernels != nullptr) options->kernels = kernels;
}

Status parse_options(const char* const* keys, const char* const* values, std::size_t count,
                     Options* options) {
  bool fp16 = false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string key = keys[i] ? keys[i] : "", value = values[i] ? values[i] : "";
    int flag = 0;
    if (key == "num_threads") {
      if (!parse_int(value, 0, kMostThreads, &options->num_threads)) {
        return wrong_num_threads(value);
      }
    } else if (key == "isa") {
      TFSPARSE_RETURN_IF_ERROR(set_isa(value, options));
    } else if (key == "precision") {
      if (value != "fp16" && value != "fp32") return expected(key, "fp16 or fp32", value);
      fp16 = value == "fp16";
    } else if (key == "auto") {
      if (!parse_int(value, 0, 1, &flag)) return expected(key, "0 or 1", value);
      options->automatic = flag == 1;
    } else if (key == "profile") {
      if (!parse_int(value, 0, 1, &flag)) return expected(key, "0 or 1", value);
      options->profile = flag == 1;
    } else if (key == "tuning") {
      options->tuning = value;
    } else if (key == "runtime_version") {
      options->runtime_version = value;
    } else if (key == "input_shapes") {
      TFSPARSE_RETURN_IF_ERROR(set_input_shapes(value, options));
    } else {
      return Status::error("unknown option '" + key +
                           "': expected num_threads, isa, precision, auto, profile, "
                           "tuning, runtime_version or input_shapes");
    }
  }
  if (fp16) set_fp16(options);
  return {};
}

}  // namespace tfsparse
