#include "delegate/core/operators/images/resize.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

// RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR.
struct ResizeParams {
  bool align_corners, half_pixel_centers;
};

template <Interpolation interpolation>
Status read_resize(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 2));
  ResizeParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  if (interpolation == Interpolation::kBilinear && params.align_corners &&
      params.half_pixel_centers) {
    return Status::error("align_corners and half_pixel_centers are both set");
  }
  Resize op(interpolation);
  op.align_corners = params.align_corners;
  op.half_pixel_centers = params.half_pixel_centers;
  node->op = op;
  return {};
}

}  // namespace

OperatorReaders resize_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinResizeBilinear, "RESIZE_BILINEAR", read_resize<Interpolation::kBilinear>},
      {kTfLiteBuiltinResizeNearestNeighbor, "RESIZE_NEAREST_NEIGHBOR",
       read_resize<Interpolation::kNearest>},
  };
  return kReaders;
}

}  // namespace tfsparse
