// CONV_2D on quad planes. As in convolution.cc, a 1x1 convolution of stride 1 reads its input, and
// any other reads a copy with a border whose pixels are sorted by their phase in the stride.
// Several narrow rows are computed as one run, and the pixels between the rows are cropped
// afterwards.
#include "delegate/core/steps/int8/convolution.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/plan/layout.h"
#include "delegate/core/steps/convolution_border.h"
#include "delegate/core/weights/int8_product.h"
#include "delegate/core/weights/pack.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

class Int8ConvolutionStep : public Step {
 public:
  Int8ConvolutionStep(const Graph& graph, const Node& node, const Int8ConvolutionValues& values)
      : values_(values),
        x_(quad_layout(graph.tensors[node.inputs[0]].shape)),
        y_(quad_layout(graph.tensors[node.output].shape)),
        pointwise_(is_pointwise(graph, node)),
        window_(as<Convolution>(node)->window) {
    if (!pointwise_) border_ = border_of(graph, node);
    for (Value value : {Value(values.x), values.residual}) {
      if (value.exists()) reads.push_back(value);
    }
    for (Value value : {values.y, Value(values.border)}) {
      if (value.exists()) writes.push_back(value);
    }
  }

  void run(const RunContext& context) const override {
    for (int image = 0; image < y_.batch; ++image) {
      if (!pointwise_) make_border(context, image);
      const bool by_pixels = splits_among_pixels(context.pool.size());
      pointwise_ ? run_pointwise(context, image, by_pixels) : run_rows(context, image, by_pixels);
    }
  }

  Status set_up(const Graph& graph, const Node& node, const int8::Kernels& kernels) {
    const Convolution& conv = *as<Convolution>(node);
    const Shape filter = filter_shape(graph, node);
    const int residual = residual_of(node);
    const Tensor& result = graph.tensors[residual >= 0 ? conv.before_residual : node.output];
    TFSPARSE_RETURN_IF_ERROR(check_offsets(x_.quads(), plane()));
    Int8Product::Weights weights;
    TFSPARSE_RETURN_IF_ERROR(read_int8(graph.tensors[node.inputs[1]], &weights.dense));
    weights.channels = filter[0];
    weights.taps = filter[1] * filter[2];
    weights.inputs = filter[3];
    weights.filled = conv.filled;
    weights.offsets = offsets(filter);
    weights.lines = pointwise_ ? 1 : border_.phases_h * border_.phases_w;
    weights.more = (filter[1] - 1) * window_.dilation_h * border_.pitch;
    TFSPARSE_RETURN_IF_ERROR(read_int8_bias(graph, node, weights.channels, &weights.bias));
    weights.multipliers = multipliers(graph, node, result);
    weights.input_zero_point = border_code_ =
        graph.tensors[node.inputs[0]].quantization->zero_point();
    TFSPARSE_RETURN_IF_ERROR(product_.pack(weights, output_of(result, conv.epilogue), kernels));
    if (residual >= 0) {
      int8::Add add;
      if (!make_add(result, graph.tensors[residual], graph.tensors[node.output],
                    conv.residual_epilogue, &add)) {
        return Status::error("scales of the residual differ too much");
      }
      product_.set_residual(add);
    }
    choose_runs();
    scratch_bytes = scratch_stride_ * y_.quads();
    parts[0].kernel = product_.name();
    parts[0].macs = product_.macs_per_pixel() * y_.batch * y_.pixels();
    return {};
  }

 private:
  // Bytes between input quads.
  std::uint64_t plane() const { return pointwise_ ? x_.stride : int8::kQuad * border_.plane; }

  std::vector<std::int32_t> offsets(const Shape& w) const {
    std::vector<std::int32_t> offsets;
    for (int dy = 0; dy < w[1]; ++dy) {
      for (int dx = 0; dx < w[2]; ++dx) {
        const int pixel = border_.offset(window_, dy, dx);
        for (int quad = 0; quad < x_.quads(); ++quad) {
          offsets.push_back(static_cast<std::int32_t>(quad * plane() + pixel * int8::kQuad));
        }
      }
    }
    return offsets;
  }

  // Sets the number of output rows in one run of a bordered convolution: as many as one pass
  // computes.
  void choose_runs() {
    if (pointwise_) return;
    rows_together_ = border_.rows_together(y_.height, y_.width, product_.tile_pixels());
    if (crops(rows_together_)) scratch_stride_ = quad_stride(run_pixels(rows_together_));
  }

  // Pixels from the first of the first row to the end of the last row.
  int run_pixels(int rows) const { return (rows - 1) * border_.pitch + y_.width; }
  // Whether a run of `rows` rows contains pixels between the rows.
  bool crops(int rows) const { return rows > 1 && border_.pitch != y_.width; }

  // Few output channels read many inputs: shares of them would all read everything.
  bool splits_among_pixels(int threads) const {
    constexpr int kLeast = 96;  // pixels of a thread: a few vectors
    const bool narrows = y_.quads() < x_.quads();
    return splits_pixels(y_) || (narrows && y_.pixels() >= kLeast * threads);
  }

  void run_pointwise(const RunContext& context, int image, bool by_pixels) const {
    const Range quads{0, y_.quads()}, pixels{0, y_.pixels()};
    if (by_pixels) {
      context.pool.parallel_for(
          pixels.end, context.int8_kernels.lanes,
          [&](int begin, int end, int) { compute(context, image, quads, {begin, end}); });
    } else {
      context.pool.parallel_for(quads.end, 1, [&](int begin, int end, int) {
        compute(context, image, {begin, end}, pixels);
      });
    }
  }

  void run_rows(const RunContext& context, int image, bool by_rows) const {
    const Range quads{0, y_.quads()}, rows{0, y_.height};
    if (by_rows) {
      context.pool.parallel_for(rows.end, rows_together_, [&](int begin, int end, int worker) {
        compute_rows(context, image, quads, {begin, end}, bytes(context.scratch[worker]));
      });
    } else {
      context.pool.parallel_for(quads.end, 1, [&](int begin, int end, int worker) {
        compute_rows(context, image, {begin, end}, rows, bytes(context.scratch[worker]));
      });
    }
  }

  std::int8_t* output(const RunContext& context, int image, std::size_t pixel) const {
    return bytes(context.values[values_.y]) + image * y_.image() + pixel * int8::kQuad;
  }
  const std::int8_t* residual(const RunContext& context, int image, std::size_t pixel) const {
    if (!values_.residual.exists()) return nullptr;
    return bytes(context.values[values_.residual]) + image * y_.image() + pixel * int8::kQuad;
  }

  void compute(const RunContext& context, int image, Range quads, Range run) const {
    const std::size_t first = static_cast<std::size_t>(run.begin);
    product_.multiply(context.int8_kernels, quads,
                      context.values[values_.x] + image * x_.image() + first * int8::kQuad,
                      output(context, image, first), y_.stride, residual(context, image, first),
                      run.end - run.begin);
  }

  void compute_rows(const RunContext& context, int image, Range quads, Range rows,
                    std::int8_t* scratch) const {
    for (int row = rows.begin; row < rows.end; row += rows_together_) {
      const Range run{row, std::min(row + rows_together_, rows.end)};
      compute_run(context, image, quads, run, scratch);
    }
  }

  void compute_run(const RunContext& context, int image, Range quads, Range rows,
                   std::int8_t* scratch) const {
    const std::size_t first = static_cast<std::size_t>(rows.begin) * y_.width;
    const int count = rows.end - rows.begin;
    const PaddedElements x = context.values[values_.border] +
                             static_cast<std::size_t>(rows.begin) * border_.pitch * int8::kQuad;
    std::int8_t* y = output(context, image, first);
    const std::int8_t* added = residual(context, image, first);
    if (!crops(count)) {
      product_.multiply(context.int8_kernels, quads, x, y, y_.stride, added, run_pixels(count));
      return;
    }
    product_.multiply(context.int8_kernels, quads, x, scratch, scratch_stride_, nullptr,
                      run_pixels(count));
    for (int quad = quads.begin; quad < quads.end; ++quad) {
      for (int row = 0; row < count; ++row) {
        const std::size_t at = quad * y_.stride + row * row_bytes();
        finish_row(
            context,
            scratch + quad * scratch_stride_ + std::size_t{int8::kQuad} * row * border_.pitch,
            added != nullptr ? added + at : nullptr, y + at);
      }
    }
  }

  // Copies a row from scratch to the output, with the residual if there is one.
  void finish_row(const RunContext& context, const std::int8_t* row, const std::int8_t* added,
                  std::int8_t* y) const {
    if (added == nullptr) {
      std::memcpy(y, row, row_bytes());
    } else {
      context.int8_kernels.add(
          {row, added, y, static_cast<std::size_t>(y_.width), product_.residual()});
    }
  }
  std::size_t row_bytes() const { return std::size_t{int8::kQuad} * y_.width; }

  void make_border(const RunContext& context, int image) const {
    int8::PadArgs args{};
    args.x_stride = x_.stride;
    args.y_stride = plane();
    border_.describe(window_, x_, int8::kQuad, &args);
    args.border = border_code_;
    context.pool.parallel_for(x_.quads(), 1, [&](int begin, int end, int) {
      int8::PadArgs planes = args;
      planes.quads = end - begin;
      planes.x = bytes(context.values[values_.x]) + image * x_.image() + begin * x_.stride;
      planes.y = bytes(context.values[values_.border]) + begin * plane();
      context.int8_kernels.pad(planes);
    });
  }

  Int8ConvolutionValues values_;
  QuadLayout x_, y_;
  bool pointwise_;
  Window window_;
  ConvolutionBorder border_;
  int border_code_ = 0;
  int rows_together_ = 1;
  std::uint64_t scratch_stride_ = 0;  // bytes
  Int8Product product_;
};

}  // namespace

std::uint64_t int8_border_bytes(const Graph& graph, const Node& conv) {
  if (is_pointwise(graph, conv)) return 0;
  const QuadLayout x = quad_layout(graph.tensors[conv.inputs[0]].shape);
  return border_of(graph, conv).plane * int8::kQuad * x.quads();
}

Status make_int8_convolution(const Graph& graph, const Node& node,
                             const Int8ConvolutionValues& values, const int8::Kernels& kernels,
                             std::unique_ptr<Step>* result) {
  auto step = std::make_unique<Int8ConvolutionStep>(graph, node, values);
  TFSPARSE_RETURN_IF_ERROR(step->set_up(graph, node, kernels));
  *result = std::move(step);
  return {};
}

}  // namespace tfsparse
