#include "delegate/core/operators/shapes/reshape.h"

#include <cstdint>

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

struct ReshapeParams {
  std::int32_t shape[8];
  int num_dimensions;
};

struct SqueezeParams {
  std::int32_t squeeze_dims[8];
  int num_squeeze_dims;
};

Status read_reshape(const TfLiteForm& form, Node* node) {
  const bool names_shape = node->inputs.size() == 2;
  const bool lacks_shape = names_shape && node->inputs[1] < 0;
  if (names_shape && !lacks_shape) return read_plain<Reshape, 1>(form, node);
  if (!node->inputs.empty()) node->inputs.resize(1);
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  ReshapeParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  if (params.num_dimensions < 0 || params.num_dimensions > 8) return Status::error("has no shape");
  Shape shape(params.shape, params.shape + params.num_dimensions);
  if (shape == Shape{0}) shape.clear();  // old files write scalars this way
  // TFLite would crash without a shape, so use the output's shape in the file.
  node->op = Reshape(lacks_shape ? form.output_shape : shape);
  return {};
}

Status read_squeeze(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  SqueezeParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  if (params.num_squeeze_dims < 0 || params.num_squeeze_dims > 8) {
    return Status::error("has more than 8 axes");
  }
  node->op = Squeeze({params.squeeze_dims, params.squeeze_dims + params.num_squeeze_dims});
  return {};
}

}  // namespace

OperatorReaders reshape_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinReshape, "RESHAPE", read_reshape},
      {kTfLiteBuiltinSqueeze, "SQUEEZE", read_squeeze},
      {kTfLiteBuiltinExpandDims, "EXPAND_DIMS", read_plain<ExpandDims, 2>},
  };
  return kReaders;
}

}  // namespace tfsparse
