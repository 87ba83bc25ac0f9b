#include "delegate/core/operators/shapes/shape_arithmetic.h"

#include "delegate/core/operators/shapes/slice.h"
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

struct GatherParams {
  int axis, batch_dims;
};

struct ReduceProdParams {
  bool keep_dims;
};

template <class Slice>
Slice with_masks(const StridedSliceParams& params) {
  Slice op;
  op.begin_mask = params.begin_mask;
  op.end_mask = params.end_mask;
  op.shrink_axis_mask = params.shrink_axis_mask;
  return op;
}

Status read_strided_slice(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 4));
  StridedSliceParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  if (!is_integer(form)) {
    if (params.ellipsis_mask || params.new_axis_mask || params.offset) {
      return Status::error("has an ellipsis or a new dimension");
    }
    node->op = with_masks<StridedSlice>(params);
    return {};
  }
  auto op = with_masks<SliceOfSizes>(params);
  op.other_masks = params.ellipsis_mask | params.new_axis_mask | params.offset;
  node->op = op;
  return {};
}

Status read_pack(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  PackParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  if (params.axis != 0) return Status::error("axis is not 0");
  node->op = JoinSizes(0);
  return {};
}

Status read_gather(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 2));
  GatherParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  if (params.axis != 0 || params.batch_dims != 0) return Status::error("axis is not 0");
  node->op = GatherSizes();
  return {};
}

Status read_reduce_prod(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 2));
  ReduceProdParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  node->op = ProductOfSizes(params.keep_dims);
  return {};
}

}  // namespace

OperatorReaders shape_arithmetic_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinShape, "SHAPE", read_plain<ShapeOf, 1>},
      {kTfLiteBuiltinStridedSlice, "STRIDED_SLICE", read_strided_slice},
      {kTfLiteBuiltinGather, "GATHER", read_gather},
      {kTfLiteBuiltinPack, "PACK", read_pack},
      {kTfLiteBuiltinReduceProd, "REDUCE_PROD", read_reduce_prod},
  };
  return kReaders;
}

}  // namespace tfsparse
