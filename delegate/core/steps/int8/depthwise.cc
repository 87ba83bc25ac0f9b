#include "delegate/core/steps/int8/depthwise.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "delegate/core/operators/weighted/depthwise_convolution.h"
#include "delegate/core/plan/layout.h"
#include "delegate/core/steps/channel_planes.h"
#include "delegate/core/weights/int8_product.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

class Int8DepthwiseStep : public Step {
 public:
  void run(const RunContext& context) const override {
    const Range planes{0, y_.batch * y_.quads()}, rows{0, y_.height};
    if (splits_pixels(y_)) {
      context.pool.parallel_for(rows.end, 1, [&](int begin, int end, int worker) {
        compute(context, planes, {begin, end}, worker);
      });
    } else {
      context.pool.parallel_for(planes.end, 1, [&](int begin, int end, int worker) {
        compute(context, {begin, end}, rows, worker);
      });
    }
  }

  Status set_up(const Graph& graph, const Node& node, const int8::Kernels& kernels) {
    const DepthwiseConvolution& op = *as<DepthwiseConvolution>(node);
    const Tensor& x = graph.tensors[node.inputs[0]];
    const Tensor& weights = graph.tensors[node.inputs[1]];
    const Tensor& y = graph.tensors[node.output];
    x_ = quad_layout(x.shape);
    y_ = quad_layout(y.shape);
    std::vector<std::int8_t> values;
    std::vector<std::int32_t> bias;
    TFSPARSE_RETURN_IF_ERROR(read_int8(weights, &values));
    TFSPARSE_RETURN_IF_ERROR(read_int8_bias(graph, node, y_.channels, &bias));
    const std::vector<float> factors = multipliers(graph, node, y, 3);
    args_.input_zero_point = x.quantization->zero_point();
    args_.output = output_of(y, op.epilogue);
    describe_planes(x_, y_, &args_);
    op.window.describe_dilated(&args_);
    args_.kernel_h = weights.shape[1];
    args_.kernel_w = weights.shape[2];
    const int8::DepthwiseProduct product{values.data(),          y_.channels,      args_.kernel_h,
                                         args_.kernel_w,         args_.stride_h,   args_.stride_w,
                                         args_.dilation_h,       args_.dilation_w, bias.data(),
                                         args_.input_zero_point, factors.data()};
    if (!int8::pack_depthwise(product, kernels, &packed_)) {
      return Status::error("a sum of products may exceed 32 bits");
    }
    args_.short_sums = packed_.short_sums;
    quad_weights_ = packed_.weights.size() / std::max(1, y_.quads());
    scratch_bytes = kernels.depthwise_scratch(args_);
    parts[0].kernel = std::string("depthwise int8 ") + kernels.name;
    parts[0].macs = static_cast<double>(values.size()) * y_.batch * y_.pixels();
    return {};
  }

  PaddedValue x_value_;

 private:
  // Computes output rows of quad planes, which are numbered through all images.
  void compute(const RunContext& context, Range planes, Range rows, int worker) const {
    int8::DepthwiseArgs args = args_;
    args.scratch = bytes(context.scratch[worker]);
    // The input rows that these depend on, as an image of its own.
    const int first = rows.begin * args_.stride_h - args_.pad_top;
    const int reach = (args_.kernel_h - 1) * args_.dilation_h + 1;
    const int last = (rows.end - 1) * args_.stride_h - args_.pad_top + reach;
    const int begin = std::clamp(first, 0, args_.in_h), end = std::clamp(last, begin, args_.in_h);
    args.pad_top = begin - first;
    args.in_h = end - begin;
    args.out_h = rows.end - rows.begin;
    const std::ptrdiff_t x_row = std::ptrdiff_t{begin} * args_.in_w * int8::kQuad;
    const std::ptrdiff_t y_row = std::ptrdiff_t{rows.begin} * args_.out_w * int8::kQuad;
    for (int plane = planes.begin; plane < planes.end; plane += args.quads) {
      const int quad = plane % y_.quads();
      args.quads = std::min(planes.end - plane, y_.quads() - quad);  // of one image
      args.x = context.values[x_value_] + (plane * x_.stride + x_row);
      args.y = bytes(context.values[writes[0]]) + plane * y_.stride + y_row;
      args.weights = packed_.weights.data() + quad * quad_weights_;
      args.bias = packed_.bias.data() + std::ptrdiff_t{quad} * int8::kQuad;
      args.multipliers = packed_.multipliers.data() + std::ptrdiff_t{quad} * int8::kQuad;
      context.int8_kernels.depthwise(args);
    }
  }

  QuadLayout x_, y_;
  int8::DepthwiseArgs args_{};  // for a whole image
  int8::PackedDepthwise packed_;
  std::size_t quad_weights_ = 0;  // bytes of weights of a quad
};

}  // namespace

bool has_int8_depthwise(const Graph& graph, const Node& node) {
  const Shape& weights = graph.tensors[node.inputs[1]].shape;
  return weights[3] == graph.tensors[node.inputs[0]].shape[3] &&
         std::max(weights[1], weights[2]) <= int8::kMaxDepthwiseKernel;
}

Status make_int8_depthwise(const Graph& graph, const Node& node, PaddedValue x, Value y,
                           const int8::Kernels& kernels, std::unique_ptr<Step>* result) {
  auto step = std::make_unique<Int8DepthwiseStep>();
  step->x_value_ = x;
  step->reads = {x};
  step->writes = {y};
  TFSPARSE_RETURN_IF_ERROR(step->set_up(graph, node, kernels));
  *result = std::move(step);
  return {};
}

}  // namespace tfsparse
