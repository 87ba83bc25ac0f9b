#include "delegate/tflite/input_shapes.h"

#include <cerrno>
#include <cstdlib>

#include "delegate/tflite/tuning/text.h"

namespace tfsparse {
namespace {

Status wrong(const std::string& what) { return Status::error("option input_shapes: " + what); }

bool parse_sizes(const std::string& text, Shape* shape) {
  for (const std::string& size : split(text, 'x')) {
    char* end = nullptr;
    errno = 0;
    const long number = std::strtol(size.c_str(), &end, 10);
    if (*end != '\0' || errno != 0 || number < 1 || number > kMaxElements) return false;
    shape->push_back(static_cast<int>(number));
  }
  return true;
}

std::vector<int> tensors_named(const std::string& name, const std::set<int>& inputs,
                               const Graph& graph) {
  if (name.empty()) return {inputs.begin(), inputs.end()};
  std::vector<int> found;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    if (graph.tensors[i].name == name) found.push_back(static_cast<int>(i));
  }
  return found;
}

Status set_one(const InputShape& given, const std::set<int>& inputs, Graph* graph) {
  const std::vector<int> found = tensors_named(given.name, inputs, *graph);
  if (given.name.empty() && found.size() != 1) {
    return wrong("expected shapes by name, as in a=1x8x8x3,b=1x20: the model reads " +
                 std::to_string(found.size()) + " inputs");
  }
  if (found.empty()) return wrong("the model has no tensor '" + given.name + "'");
  for (int i : found) {
    Shape& shape = graph->tensors[i].shape;
    if (given.shape.size() != shape.size()) {
      return wrong("expected " + std::to_string(shape.size()) + " sizes for input '" +
                   graph->tensors[i].name + "', received " + std::to_string(given.shape.size()));
    }
    if (inputs.count(i)) shape = given.shape;
  }
  return {};
}

}  // namespace

Status parse_input_shapes(const std::string& option, std::vector<InputShape>* shapes) {
  if (option.empty()) return {};
  for (const std::string& part : split(option, ',')) {
    const std::size_t equals = part.rfind('=');
    const bool is_named = equals != std::string::npos;
    InputShape input{is_named ? part.substr(0, equals) : "", {}};
    if ((is_named && input.name.empty()) ||
        !parse_sizes(is_named ? part.substr(equals + 1) : part, &input.shape)) {
      return wrong("expected shapes such as 1x8x8x3 or a=1x8x8x3,b=1x20, received '" + option +
                   "'");
    }
    shapes->push_back(std::move(input));
  }
  return {};
}

Status set_input_shapes(const std::vector<InputShape>& shapes, const std::set<int>& inputs,
                        Graph* graph) {
  Status first;
  for (const InputShape& given : shapes) {
    const Status status = set_one(given, inputs, graph);
    if (first.ok()) first = status;
  }
  return first;
}

}  // namespace tfsparse
