// What the readers of TFLite's operators share. A reader turns TFLite's form of an operator into
// the core's; each family of operators has a file of them, and a line in registry.cc.
#pragma once

#include <cstddef>

#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/window.h"
#include "delegate/kernels/kernels.h"
#include "delegate/tflite/builtin_operators.h"

extern "C" {

enum TfLitePadding { kTfLitePaddingSame = 1, kTfLitePaddingValid = 2 };

enum TfLiteFusedActivation {
  kTfLiteActNone = 0,
  kTfLiteActRelu = 1,
  kTfLiteActReluN1To1 = 2,
  kTfLiteActRelu6 = 3,
};

}  // extern "C"

namespace tfsparse {

// Strides, windows and the like that are longer are taken for a damaged file.
constexpr int kLongest = 1 << 10;

// What TFLite says of a node beside its inputs.
struct TfLiteForm {
  const void* params;  // TfLiteNode::builtin_data
  int outputs;
  Shape output_shape;  // of the first, in the file

  // The parameters, of which a prefix is enough: TFLite only appends to them.
  template <class Params>
  Status get(Params* result) const {
    if (params == nullptr) return Status::error("has no parameters");
    *result = *static_cast<const Params*>(params);
    return {};
  }
};

// Sets the node's operator and puts its inputs in the order that this has them in. An error says
// why the delegate does not support the form; the node is left to TFLite then.
using ReadOperator = Status (*)(const TfLiteForm& form, Node* node);

struct OperatorReader {
  int code;
  const char* type;  // TFLite's name
  ReadOperator read;
};

// The readers of a family.
struct OperatorReaders {
  template <std::size_t kCount>
  constexpr OperatorReaders(const OperatorReader (&readers)[kCount])
      : first(readers), last(readers + kCount) {}

  const OperatorReader* begin() const { return first; }
  const OperatorReader* end() const { return last; }

  const OperatorReader *first, *last;
};

// Fails where one of the inputs is left out, or there are fewer than `required`.
Status check_inputs(const Node& node, std::size_t required);

// The same of a layer with weights, which may lack the third, a bias. Others are dropped.
Status read_layer_inputs(Node* node);

// An operator without parameters.
template <class T, std::size_t required>
Status read_plain(const TfLiteForm&, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, required));
  node->op = T();
  return {};
}

// A fused activation.
Status read_activation(int code, Epilogue* epilogue);

Status read_padding(int code, Window* window);

}  // namespace tfsparse
