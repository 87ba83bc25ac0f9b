#include "delegate/core/operators/images/pooling.h"

#include <algorithm>

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

struct PoolParams {
  int padding, stride_width, stride_height, filter_width, filter_height, activation;
};

template <Pooling pooling>
Status read_pool(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  PoolParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  Pool op(pooling);
  op.window.stride_h = params.stride_height;
  op.window.stride_w = params.stride_width;
  op.size = {params.filter_height, params.filter_width};
  TFSPARSE_RETURN_IF_ERROR(read_activation(params.activation, &op.epilogue));
  TFSPARSE_RETURN_IF_ERROR(read_padding(params.padding, &op.window));
  const auto sizes = {op.window.stride_h, op.window.stride_w, op.size.height, op.size.width};
  if (std::min(sizes) < 1) return Status::error("stride or window below 1");
  if (std::max(sizes) > kLongest) return Status::error("stride or window above 1024");
  node->op = op;
  return {};
}

}  // namespace

OperatorReaders pooling_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinAveragePool2d, "AVERAGE_POOL_2D", read_pool<Pooling::kAverage>},
      {kTfLiteBuiltinMaxPool2d, "MAX_POOL_2D", read_pool<Pooling::kMax>},
  };
  return kReaders;
}

}  // namespace tfsparse
