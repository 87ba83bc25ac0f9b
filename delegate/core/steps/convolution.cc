// CONV_2D in CHW, and FULLY_CONNECTED with many rows. A tap is an offset from a pixel. So all
// cases, sparse and dense, 1x1 and k x k, are one product of weights with runs of pixels. A 1x1
// convolution reads the runs from its input. Any other reads them from a copy with a border of
// zeros, whose pixels are sorted by their phase in the stride. There, consecutive rows are slightly
// more than their width apart (the pitch), so several narrow rows are computed as one run. The
// pixels between the rows are cropped afterwards.
#include "delegate/core/steps/convolution.h"

#include <algorithm>

#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/steps/convolution_border.h"
#include "delegate/core/weights/product.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

class ConvolutionStep : public RowStep {
 public:
  void run(const RunContext& context) const override {
    for (int image = 0; image < y_chw.batch; ++image) {
      begin_image(context, image);
      const RowsView x = pointwise_ ? input(context, image) : RowsView{};
      share_work(context, [&](Share share, Range runs, int worker) {
        if (pointwise_) {  // adjacent runs are computed as one
          const Range run{run_of(runs.begin).begin, run_of(runs.end - 1).end};
          compute(context, image, share, run, x, output(context, image), PaddedElements());
          return;
        }
        for (int i = runs.begin; i < runs.end; ++i) {
          compute(context, image, share, run_of(i), x, output(context, image),
                  context.scratch[worker]);
        }
      });
    }
  }

  void begin_image(const RunContext& context, int image) const override {
    if (!pointwise_) make_border(context, image);
  }

  Rows input_rows(Rows output) const override {
    return pointwise_ ? output : Rows{0, x_chw.height};
  }

  void run_rows(const RunContext& context, int image, Rows rows, const RowsView& x,
                const RowsView& y, PaddedElements scratch) const override {
    const int width = y_chw.width;
    if (pointwise_) {
      const Range run{rows.begin * width, rows.end * width};
      compute(context, image, {}, run, x, y, scratch);
      return;
    }
    for (int row = rows.begin; row < rows.end; row += rows_together_) {
      const Range run{row * width, std::min(rows.end, row + rows_together_) * width};
      compute(context, image, {}, run, x, y, scratch);
    }
  }

  Status set_up(const Graph& graph, const Node& node, const Kernels& kernels) {
    const Convolution& conv = *as<Convolution>(node);
    pointwise_ = is_pointwise(graph, node);
    window_ = conv.window;
    if (!pointwise_) border_ = border_of(graph, node);

    const Shape filter = filter_shape(graph, node);
    TFSPARSE_RETURN_IF_ERROR(check_offsets(filter[3], plane()));
    Product::Weights weights;
    TFSPARSE_RETURN_IF_ERROR(read_floats(graph.tensors[node.inputs[1]], &weights.dense));
    weights.channels = filter[0];
    weights.taps = taps(filter);
    weights.taps_per_channel = filter[1] * filter[2];
    weights.lines = pointwise_ ? 1 : border_.phases_h * border_.phases_w;
    weights.more = (filter[1] - 1) * window_.dilation_h * border_.pitch;
    std::vector<float> bias;
    TFSPARSE_RETURN_IF_ERROR(read_bias(graph, node, weights.channels, &bias));
    choose_runs(kernels);
    product_.pack(weights, bias, conv.epilogue, run_elements(rows_together_), kernels);
    scratch_bytes = scratch_stride_ * product_.channels() * kernels.element_bytes;
    parts[0].kernel = product_.name();
    parts[0].macs = product_.density() * y_chw.batch * y_chw.pixels() * weights.dense.size();
    return {};
  }

  Value flat_;  // if set, read instead of x_value
  PaddedValue residual_, border_value_;

 private:
  // Elements between input channels.
  std::uint64_t plane() const { return pointwise_ ? x_chw.stride : border_.plane; }

  std::vector<Tap> taps(const Shape& w) const {
    std::vector<Tap> taps;
    taps.reserve(static_cast<std::size_t>(w[1]) * w[2] * w[3]);
    for (int channel = 0; channel < w[3]; ++channel) {
      for (int dy = 0; dy < w[1]; ++dy) {
        for (int dx = 0; dx < w[2]; ++dx) {
          const int offset = border_.offset(window_, dy, dx);
          taps.push_back({(dy * w[2] + dx) * w[3] + channel,
                          static_cast<std::int32_t>(channel * plane() + offset)});
        }
      }
    }
    return taps;
  }

  // Sets the number of output rows in one run of a bordered convolution: as many as fit the
  // registers.
  void choose_runs(const Kernels& kernels) {
    if (pointwise_) return;
    rows_together_ = border_.rows_together(y_chw.height, y_chw.width, kRunVectors * kernels.lanes);
    if (crops(rows_together_)) {
      scratch_stride_ = plane_stride(static_cast<std::uint64_t>(run_elements(rows_together_)));
    }
  }

  // Elements from the first pixel of the first row to the end of the last row.
  int run_elements(int rows) const {
    return pointwise_ ? y_chw.pixels() : (rows - 1) * border_.pitch + y_chw.width;
  }
  // Whether a run of `rows` rows contains pixels between the rows.
  bool crops(int rows) const { return !pointwise_ && rows > 1 && border_.pitch != y_chw.width; }

  // Splits the work among the threads by runs or by output channels; both read about the same. If
  // there are more output than input channels, whole channels are better: the next layer, usually
  // depthwise, is split in the same way.
  template <typename Body>
  void share_work(const RunContext& context, const Body& body) const {
    const int threads = context.pool.size(), runs = run_count();
    const bool many_runs = runs >= 4 * threads;
    const bool widens = product_.channels() > x_chw.channels;
    if (many_runs || (runs % threads == 0 && !widens)) {
      context.pool.parallel_for(runs, 1, [&](int begin, int end, int worker) {
        body(Share{}, Range{begin, end}, worker);
      });
    } else {
      context.pool.parallel_for(threads, 1, [&](int begin, int end, int worker) {
        for (int i = begin; i < end; ++i) body(Share{i, threads}, Range{0, runs}, worker);
      });
    }
  }

  int run_count() const {
    const int whole = pointwise_ ? y_chw.pixels() : y_chw.height;
    const int one = pointwise_ ? product_.tile_pixels() : rows_together_;
    return (whole + one - 1) / one;
  }
  // The output pixels of run i.
  Range run_of(int i) const {
    const int one = pointwise_ ? product_.tile_pixels() : rows_together_ * y_chw.width;
    return {i * one, std::min((i + 1) * one, y_chw.pixels())};
  }

  // Computes the output pixels `run`: whole rows, unless the convolution is pointwise.
  void compute(const RunContext& context, int image, Share share, Range run, const RowsView& x,
               const RowsView& y, PaddedElements scratch) const {
    const int width = y_chw.width, count = run.end - run.begin;
    const PaddedElements to = y.base + (run.begin - static_cast<std::ptrdiff_t>(y.first) * width);
    const PaddedElements residual =
        residual_.exists() ? context.values[residual_] + image * y_chw.image() + run.begin
                           : PaddedElements();
    if (pointwise_) {
      const PaddedElements from =
          x.base + (run.begin - static_cast<std::ptrdiff_t>(x.first) * width);
      product_.multiply(context.kernels, share, from, to, y.stride, residual, count);
      return;
    }
    const PaddedElements from =
        context.values[border_value_] +
        static_cast<std::size_t>(width > 0 ? run.begin / width : 0) * border_.pitch;
    const int rows = width > 0 ? count / width : 0;
    if (!crops(rows)) {
      product_.multiply(context.kernels, share, from, to, y.stride, residual, count);
      return;
    }
    product_.multiply(context.kernels, share, from, scratch, scratch_stride_, PaddedElements(),
                      run_elements(rows));
    product_.for_each_channel(share, [&](int channel) {
      const std::uint64_t at = channel * y.stride;
      context.kernels.crop({scratch + channel * scratch_stride_, border_.pitch, to + at,
                            residual ? residual + at : residual, rows, width});
    });
  }

  void make_border(const RunContext& context, int image) const {
    const ChwLayout& chw = x_chw;
    PadArgs args{};
    border_.describe(window_, chw, 1, &args);
    const bool is_flat = flat_.exists();
    args.x_pixel_stride = is_flat ? chw.channels : 1;
    args.x_row_stride = args.x_pixel_stride * chw.width;
    const std::uint64_t image_elements =
        is_flat ? static_cast<std::uint64_t>(chw.pixels()) * chw.channels : chw.image();
    const Elements from =
        (is_flat ? context.values[flat_] : context.values[x_value]) + image * image_elements;
    // Split by rows, like the output.
    const int row_groups = (border_.rows + window_.stride_h - 1) / window_.stride_h;
    context.pool.parallel_for(row_groups, 1, [&](int begin, int end, int) {
      PadArgs rows = args;
      rows.out_h = std::min(border_.rows, end * window_.stride_h) - begin * window_.stride_h;
      rows.pad_top -= begin * window_.stride_h;
      for (int channel = 0; channel < chw.channels; ++channel) {
        rows.x = from + (is_flat ? channel : channel * chw.stride);
        rows.y = context.values[border_value_] + channel * border_.plane +
                 static_cast<std::size_t>(begin) * border_.pitch;
        context.kernels.pad(rows);
      }
    });
  }

  RowsView input(const RunContext& context, int image) const {
    return {context.values[x_value] + image * x_chw.image(), x_chw.stride, 0};
  }
  RowsView output(const RunContext& context, int image) const {
    return {context.values[y_value] + image * y_chw.image(), y_chw.stride, 0};
  }

  // Vectors of pixels in a run of several rows: passes over the weights are then fastest.
  static constexpr int kRunVectors = 8;

  bool pointwise_ = false;
  Window window_;
  ConvolutionBorder border_;
  int rows_together_ = 1;
  std::uint64_t scratch_stride_ = 0;
  Product product_;
};

}  // namespace

Status make_convolution(const Graph& graph, const Node& node, const ConvolutionValues& values,
                        const Kernels& kernels, std::unique_ptr<RowStep>* step) {
  auto convolution = std::make_unique<ConvolutionStep>();
  convolution->x_value = values.x.value;
  convolution->flat_ = values.x.flat;
  convolution->x_chw = values.x.chw;
  convolution->y_value = values.y;
  convolution->y_chw = chw_layout(graph.tensors[node.output].shape);
  convolution->residual_ = values.residual;
  convolution->border_value_ = values.border;
  for (Value value : {Value(values.x.value), values.x.flat, Value(values.residual)}) {
    if (value.exists()) convolution->reads.push_back(value);
  }
  for (Value value : {values.y, values.border}) {
    if (value.exists()) convolution->writes.push_back(value);
  }
  TFSPARSE_RETURN_IF_ERROR(convolution->set_up(graph, node, kernels));
  *step = std::move(convolution);
  return {};
}

}  // namespace tfsparse
