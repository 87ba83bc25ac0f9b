// Helpers for the readers of TFLite's operators. A reader converts an operator from TFLite's form
// to the core's. Each operator family has a file of readers and a line in registry.cc.
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

// Longer strides, windows and the like are taken for a damaged file.
constexpr int kLongest = 1 << 10;

// A TFLite node without its inputs.
struct TfLiteForm {
  const void* params;  // TfLiteNode::builtin_data
  int outputs;
  Shape output_shape;  // of the first output, in the file
  DType output_type;   // of the first output
  DType input_type;    // of the first input, kOther if there is none

  // Copies the parameters. TFLite only appends fields, so reading a prefix is safe.
  template <class Params>
  Status get(Params* result) const {
    if (params == nullptr) return Status::error("has no parameters");
    *result = *static_cast<const Params*>(params);
    return {};
  }
};

// Sets the node's operator and reorders its inputs for it. An error is the reason why the delegate
// leaves the node to TFLite.
using ReadOperator = Status (*)(const TfLiteForm& form, Node* node);

struct OperatorReader {
  int code;
  const char* type;  // the operator's name in TFLite
  ReadOperator read;
};

// The readers of one operator family.
struct OperatorReaders {
  template <std::size_t kCount>
  constexpr OperatorReaders(const OperatorReader (&readers)[kCount])
      : first(readers), last(readers + kCount) {}

  const OperatorReader* begin() const { return first; }
  const OperatorReader* end() const { return last; }

  const OperatorReader *first, *last;
};

inline bool is_integer(DType type) { return type == DType::kInt32 || type == DType::kInt64; }

// Whether an operator computes integers, such as sizes.
inline bool is_integer(const TfLiteForm& form) { return is_integer(form.output_type); }

// Fails if an input is omitted or there are fewer than `required`.
Status check_inputs(const Node& node, std::size_t required);

// The same for layers with weights, where the bias may be missing. Drops further inputs.
Status read_layer_inputs(Node* node);

// Reads an operator without parameters.
template <class T, std::size_t required>
Status read_plain(const TfLiteForm&, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, required));
  node->op = T();
  return {};
}

// Reads a fused activation.
Status read_activation(int code, Epilogue* epilogue);

Status read_padding(int code, Window* window);

}  // namespace tfsparse
