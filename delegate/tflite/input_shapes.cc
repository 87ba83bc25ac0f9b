#include "delegate/tflite/input_shapes.h"

#include <cerrno>
#include <cstdlib>

#include "delegate/tflite/tuning/text.h"

namespace tfsparse {
namespace {

Shape parse_sizes(const std::string& text) {
  Shape shape;
  for (const std::string& size : split(text, 'x')) {
    char* end = nullptr;
    errno = 0;
    const long number = std::strtol(size.c_str(), &end, 10);
    if (*end != '\0' || errno != 0 || number < 1 || number > kMaxElements) return {};
    shape.push_back(static_cast<int>(number));
  }
  return shape;
}

}  // namespace

Shape named_shape(const std::string& option, const std::string& name, bool is_only_input) {
  for (const std::string& part : split(option, ',')) {
    const std::size_t equals = part.rfind('=');
    const bool is_named = equals != std::string::npos;
    if (is_named ? part.substr(0, equals) != name : !is_only_input) continue;
    return parse_sizes(is_named ? part.substr(equals + 1) : part);
  }
  return {};
}

}  // namespace tfsparse
