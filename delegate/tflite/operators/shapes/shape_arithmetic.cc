#include "delegate/core/operators/shapes/shape_arithmetic.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

struct StridedSliceParams {
  int begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
  bool offset;
};

struct PackParams {
  int values_count, axis;
};

Status read_strided_slice(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 4));
  StridedSliceParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  StridedSlice op;
  op.begin_mask = params.begin_mask;
  op.end_mask = params.end_mask;
  op.shrink_axis_mask = params.shrink_axis_mask;
  op.other_masks = params.ellipsis_mask | params.new_axis_mask | params.offset;
  node->op = op;
  return {};
}

Status read_pack(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  PackParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  if (params.axis != 0) return Status::error("axis is not 0");
  node->op = Pack();
  return {};
}

}  // namespace

OperatorReaders shape_arithmetic_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinShape, "SHAPE", read_plain<ShapeOf, 1>},
      {kTfLiteBuiltinStridedSlice, "STRIDED_SLICE", read_strided_slice},
      {kTfLiteBuiltinPack, "PACK", read_pack},
  };
  return kReaders;
}

}  // namespace tfsparse
