#include "delegate/core/operators/images/pad.h"

#include <cstring>
#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/lambda_step.h"
#include "delegate/core/steps/strided_copy.h"

namespace tfsparse {
namespace {

constexpr double kPaddedPixel = 40;  // per pixel: see estimate.h

// Adds zeros around the pixels, and channel planes of zeros.
std::unique_ptr<Step> make_pad_chw(std::vector<int> begin, Value x, const ChwLayout& x_chw, Value y,
                                   const ChwLayout& y_chw) {
  return make_step("pad", x, y, [=](const RunContext& context) {
    const int count = y_chw.batch * y_chw.channels;
    context.pool.parallel_for(count, 1, [&](int first, int last, int) {
      for (int plane = first; plane < last; ++plane) {
        const int image = plane / y_chw.channels - begin[0];
        const int channel = plane % y_chw.channels - begin[3];
        const bool inside =
            image >= 0 && image < x_chw.batch && channel >= 0 && channel < x_chw.channels;
        PadArgs args{};
        if (inside) {
          args.x = context.values[x] + image * x_chw.image() + channel * x_chw.stride;
          args.in_h = x_chw.height;
        }
        args.in_w = x_chw.width;
        args.x_pixel_stride = 1;
        args.x_row_stride = x_chw.width;
        args.y = context.values[y] + plane * y_chw.stride;
        args.out_h = y_chw.height;
        args.out_w = y_chw.width;
        args.pad_top = begin[1];
        args.pad_left = begin[2];
        args.stride_h = args.stride_w = args.phases_h = args.phases_w = 1;
        args.row_stride = y_chw.width;
        context.kernels.pad(args);
      }
    });
  });
}

// The element that is written around the input. It stands for 0 if the node has no value.
Status read_padding(PlanBuilder* builder, const Node& node, const MovedElements& elements,
                    Buffer* padding) {
  const Tensor& output = builder->tensor(node.output);
  if (node.inputs.size() > 2) {
    const Tensor& value = builder->tensor(node.inputs[2]);
    TFSPARSE_RETURN_IF_ERROR(read_elements(value, builder->kernels(), padding));
    if (element_count(value.shape) != 1) return Status::error("padding value is not a scalar");
  } else {
    *padding = Buffer(1, elements.bytes());
    if (builder->is_int8(node.output))
      *bytes(padding->data()) = static_cast<std::int8_t>(output.quantization->zero_point());
  }
  if (builder->is_int8(node.output) && elements.in_chw()) {  // four codes as the kernels keep them
    const int code = *bytes(padding->data());
    *padding = Buffer(1, elements.bytes());
    std::memset(padding->data(), code ^ builder->int8_kernels().flip, elements.bytes());
  }
  return {};
}

}  // namespace

std::string Pad::unsupported_because(const SupportContext& context, const Node& node) const {
  if (node.inputs.size() > 2 && context.tensor(node.output).type == DType::kInt8 &&
      context.tensor(node.inputs[2]).type != DType::kInt8) {
    return std::string("padding value is of ") + to_string(context.tensor(node.inputs[2]).type);
  }
  return unsupported_parameters(context, node);
}

Status Pad::infer(ShapeContext* context, const Node& node) {
  Ints amounts;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &amounts));
  Shape shape = context->in(node, 0);
  if (amounts.size() != 2 * shape.size()) {
    return Status::error(std::to_string(amounts.size()) + " paddings do not fit input " +
                         to_string(shape));
  }
  begin.clear();
  for (std::size_t dim = 0; dim < shape.size(); ++dim) {
    const std::int64_t before = amounts[2 * dim], after = amounts[2 * dim + 1];
    constexpr std::int64_t kMost = 1 << 20;
    if (before < 0 || after < 0 || before > kMost || after > kMost ||
        shape[dim] > kMaxElements - before - after) {
      return Status::error("padding is negative or too large");
    }
    shape[dim] += static_cast<int>(before + after);
    begin.push_back(static_cast<int>(before));
  }
  context->set_out(node, shape);
  return {};
}

DefaultWork Pad::default_work(const WorkContext& context, const Node& node) const {
  if (context.pads_in_convolution(node)) return {};
  return context.pixel_move(node, kPaddedPixel * context.pixels(node.output));
}

Status Pad::build(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const Shape &x_shape = builder->shape(node.inputs[0]), &y_shape = builder->shape(node.output);
  const bool is_int8 = builder->is_int8(node.output), has_value = node.inputs.size() > 2;
  // Quads are copied whole: their channels must not change their places, and the last quad of the
  // input none of the output's.
  const bool keeps_quads = x_shape.empty() || x_shape.back() == y_shape.back() ||
                           (are_whole_quads(*builder, node.output, begin.back()) &&
                            are_whole_quads(*builder, node.output, x_shape.back()));
  const bool in_chw = values.has_chw(node.inputs[0]) && keeps_quads;
  const Value x = values.get(node.inputs[0], in_chw), y = values.define(node.output, in_chw);
  if (in_chw && x_shape.size() == 4 && !has_value && !is_int8) {
    builder->add(make_pad_chw(begin, x, chw_layout(x_shape), y, chw_layout(y_shape)), node);
    return {};
  }
  const MovedElements elements(*builder, node.output, in_chw);
  const Shape shape = elements.shape(x_shape);
  const auto from = elements.strides(x_shape), to = elements.strides(y_shape);
  std::vector<int> first = begin;
  if (!first.empty()) first.back() = elements.channels(first.back());
  std::vector<StridedCopy> copies(2);
  StridedCopy& fill = copies[0];  // writes the padding value to the whole output
  TFSPARSE_RETURN_IF_ERROR(read_padding(builder, node, elements, &fill.constant));
  const std::uint64_t count =
      values.elements(y) * values.element_bytes(y) / elements.bytes();  // with the gaps
  fill.dims = {{static_cast<int>(count), 0, 1}};
  StridedCopy& copy = copies[1];
  copy.from = x;
  for (std::size_t dim = 0; dim < from.size(); ++dim) {
    copy.dims.push_back({shape[dim], from[dim], to[dim]});
    copy.to_offset += first[dim] * to[dim];
  }
  builder->add(make_strided_copies("pad", elements, std::move(copies), y), node);
  return {};
}

}  // namespace tfsparse
