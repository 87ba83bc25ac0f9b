// TRANSPOSE_CONV in CHW. Output pixels with the same position within the stride, a *phase*, use the
// same taps. So each phase is a convolution of stride 1 with a part of the taps. All phases read
// one bordered copy of the input. The phases of a row are interleaved when they are written.
#include "delegate/core/steps/transpose_convolution.h"

#include <algorithm>

#include "delegate/core/operators/weighted/transpose_convolution.h"
#include "delegate/core/plan/layout.h"
#include "delegate/core/weights/product.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

// Target number of pixels in one pass over the weights. Several short rows are one run, with the
// border between them computed in vain.
constexpr int kRunPixels = 128;

class TransposeConvolutionStep : public Step {
 public:
  TransposeConvolutionStep(const TransposeWindow& window, const ChwLayout& x, const ChwLayout& y)
      : rows_(window.rows), columns_(window.columns), x_(x), y_(y) {
    plane_ = plane_stride(static_cast<std::uint64_t>(rows_.bordered) * columns_.bordered);
    run_rows_ = std::clamp(kRunPixels / columns_.bordered, 1, rows_.outputs(0));
    run_ = plane_stride(static_cast<std::uint64_t>(run_rows_) * columns_.bordered);
  }

  void run(const RunContext& context) const override {
    for (int image = 0; image < y_.batch; ++image) {
      make_border(context, image);
      context.pool.parallel_for(rows_.outputs(0), 1, [&](int begin, int end, int worker) {
        for (int row = begin; row < end; row += run_rows_) {
          const int count = std::min(run_rows_, end - row);
          for (int phase = 0; phase < rows_.stride; ++phase) {
            convolve(context, image, phase, row, count, context.scratch[worker]);
          }
        }
      });
    }
  }

  Status set_up(const Graph& graph, const Node& node, const Kernels& kernels) {
    const Epilogue& epilogue = as<TransposeConvolution>(node)->epilogue;
    const Tensor& weights = graph.tensors[node.inputs[1]];
    TFSPARSE_RETURN_IF_ERROR(check_offsets(weights.shape[3], plane_));
    std::vector<float> dense, bias;
    TFSPARSE_RETURN_IF_ERROR(read_floats(weights, &dense));
    TFSPARSE_RETURN_IF_ERROR(read_bias(graph, node, y_.channels, &bias));
    for (int row = 0; row < rows_.stride; ++row) {
      for (int column = 0; column < columns_.stride; ++column) {
        const Product::Weights share = share_of(dense, weights.shape, row, column);
        Product product;
        product.pack(share, bias, epilogue, run_pixels(run_rows_), kernels);
        const double pixels = static_cast<double>(rows_.outputs(row)) * columns_.outputs(column);
        parts[0].macs += product.density() * y_.batch * pixels * share.dense.size();
        products_.push_back(std::move(product));
      }
    }
    scratch_bytes = run_ * columns_.stride * y_.channels * kernels.element_bytes;
    parts[0].kernel = products_.front().name();
    return {};
  }

  Value x_value_, y_value_;
  PaddedValue border_value_;

 private:
  // The weights at the taps of one phase.
  Product::Weights share_of(const std::vector<float>& dense, const Shape& w, int row,
                            int column) const {
    std::vector<int> columns;  // of `dense` as a [w[0]][w[1] * w[2] * w[3]] matrix
    Product::Weights share;
    share.channels = w[0];
    share.lines = 1;
    share.more = rows_.taps(row) * columns_.bordered;
    share.taps_per_channel = rows_.taps(row) * columns_.taps(column);
    for (int channel = 0; channel < w[3]; ++channel) {
      // From the last tap to the first: in order of their offsets.
      for (int ky = rows_.last_tap(row); ky >= 0; ky -= rows_.stride) {
        for (int kx = columns_.last_tap(column); kx >= 0; kx -= columns_.stride) {
          const int offset =
              rows_.offset(row, ky) * columns_.bordered + columns_.offset(column, kx);
          share.taps.push_back({static_cast<int>(columns.size()),
                                static_cast<std::int32_t>(channel * plane_ + offset)});
          columns.push_back((ky * w[2] + kx) * w[3] + channel);
        }
      }
    }
    const std::size_t depth = static_cast<std::size_t>(w[1]) * w[2] * w[3];
    for (int output = 0; output < w[0]; ++output) {
      for (int c : columns) share.dense.push_back(dense[output * depth + c]);
    }
    if (columns.empty()) {  // a phase without taps, in a wide stride: only bias
      share.taps_per_channel = 1;
      share.taps = {{0, 0}};
      share.dense.assign(w[0], 0.0f);
    }
    return share;
  }

  void make_border(const RunContext& context, int image) const {
    PadArgs args{};
    args.in_h = x_.height;
    args.in_w = x_.width;
    args.x_pixel_stride = 1;
    args.x_row_stride = x_.width;
    args.out_h = rows_.bordered;
    args.out_w = columns_.bordered;
    args.pad_top = rows_.border;
    args.pad_left = columns_.border;
    args.stride_h = args.stride_w = args.phases_h = args.phases_w = 1;
    args.row_stride = columns_.bordered;
    context.pool.parallel_for(x_.channels, 1, [&](int begin, int end, int) {
      for (int channel = begin; channel < end; ++channel) {
        PadArgs plane = args;
        plane.x = context.values[x_value_] + image * x_.image() + channel * x_.stride;
        plane.y = context.values[border_value_] + channel * plane_;
        context.kernels.pad(plane);
      }
    });
  }

  // Elements from the first pixel of the first row to the end of the last row.
  int run_pixels(int rows) const { return (rows - 1) * columns_.bordered + columns_.outputs(0); }

  // Computes rows [row, row + count) of one row phase, as far as they exist.
  void convolve(const RunContext& context, int image, int row_phase, int row, int count,
                PaddedElements scratch) const {
    count = std::min(count, rows_.outputs(row_phase) - row);
    if (count <= 0) return;
    const PaddedElements x =
        context.values[border_value_] + static_cast<std::size_t>(row) * columns_.bordered;
    // The phases of a channel are consecutive.
    const std::uint64_t channel_stride = columns_.stride * run_;
    for (int column = 0; column < columns_.stride; ++column) {
      const Product& product = products_[row_phase * columns_.stride + column];
      product.multiply(context.kernels, {}, x, scratch + column * run_, channel_stride,
                       PaddedElements(), run_pixels(count));
    }
    for (int channel = 0; channel < y_.channels; ++channel) {
      const Elements from = scratch + channel * channel_stride;
      const Elements to = context.values[y_value_] + image * y_.image() + channel * y_.stride;
      for (int i = 0; i < count; ++i) {
        const std::size_t y_row = static_cast<std::size_t>(row + i) * rows_.stride + row_phase;
        interleave(context, from + i * columns_.bordered, to + y_row * y_.width);
      }
    }
  }

  void interleave(const RunContext& context, Elements phases, Elements y) const {
    const int whole = y_.width / columns_.stride;
    const auto run = static_cast<std::size_t>(run_);
    context.kernels.from_chw({phases, y, whole, columns_.stride, run});
    const int left = y_.width % columns_.stride;
    if (left > 0) {
      context.kernels.from_chw({phases + whole, y + whole * columns_.stride, 1, left, run});
    }
  }

  TransposeAxis rows_, columns_;
  ChwLayout x_, y_;
  std::uint64_t plane_ = 0;  // elements between channels of the bordered copy
  int run_rows_ = 1;         // rows per run
  std::uint64_t run_ = 0;    // elements between phases of a channel in scratch
  std::vector<Product> products_;
};

}  // namespace

TransposeWindow transpose_window(const Window& window, const Shape& weights, const Shape& y) {
  return {{y[1], weights[1], window.stride_h, window.pad_top},
          {y[2], weights[2], window.stride_w, window.pad_left}};
}

std::uint64_t bordered_elements(const TransposeWindow& window, const Shape& weights) {
  return plane_stride(static_cast<std::uint64_t>(window.rows.bordered) * window.columns.bordered) *
         weights[3];
}

Status make_transpose_convolution(const Graph& graph, const Node& node, Value x, PaddedValue border,
                                  Value y, const Kernels& kernels, std::unique_ptr<Step>* result) {
  const Window& window = as<TransposeConvolution>(node)->window;
  const Shape& y_shape = graph.tensors[node.output].shape;
  const Shape& w = graph.tensors[node.inputs[1]].shape;
  auto step = std::make_unique<TransposeConvolutionStep>(
      transpose_window(window, w, y_shape), chw_layout(graph.tensors[node.inputs[0]].shape),
      chw_layout(y_shape));
  step->x_value_ = x;
  step->y_value_ = y;
  step->border_value_ = border;
  step->reads = {x};
  step->writes = {y, border};
  TFSPARSE_RETURN_IF_ERROR(step->set_up(graph, node, kernels));
  *result = std::move(step);
  return {};
}

}  // namespace tfsparse
