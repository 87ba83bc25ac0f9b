// CONV_2D on planes. A tap of the kernel is an offset from the pixel that it belongs to, so sparse
// and dense, 1x1 and k x k are one loop over runs of pixels. What differs is where the runs are: in
// the planes themselves for a 1x1 convolution, else in a copy with a border of zeros, whose columns
// are sorted by their place in the stride.
#include <algorithm>

#include "delegate/core/pack.h"
#include "delegate/core/row_step.h"

namespace tfsparse {
namespace {

// From this fraction of zeros on, skipping them is faster than multiplying by them.
constexpr double kSparseFrom = 0.4;

// Vectors of pixels that a sparse pass keeps in registers. Measured over MobileNetV2's layers, 7 to
// 9 are alike and best: fewer repeat the stream of weights more often, more leave too few channels
// in the cache.
constexpr int kTile = 8;

// Bytes of input that one pass over the weights may touch and still find in a 32 KB first-level
// cache. Measured: 24 to 36 KB are alike, 16 KB and no limit are slower.
constexpr int kTileBytes = 30 << 10;

// The bordered copy of one image: every channel's plane `plane` floats apart.
struct Border {
  int rows = 0, columns = 0;
  int phase_stride = 0, row_stride = 0;
  std::size_t plane = 0;
};

bool is_pointwise(const Graph& graph, const Node& node) {
  const Shape& w = graph.tensors[node.inputs[1]].shape;
  return w[1] == 1 && w[2] == 1 && node.stride_h == 1 && node.stride_w == 1 && !node.pad_top &&
         !node.pad_left &&
         graph.tensors[node.inputs[0]].shape[1] == graph.tensors[node.output].shape[1] &&
         graph.tensors[node.inputs[0]].shape[2] == graph.tensors[node.output].shape[2];
}

Border border_of(const Graph& graph, const Node& node) {
  const Shape& w = graph.tensors[node.inputs[1]].shape;
  const Shape& y = graph.tensors[node.output].shape;
  Border border;
  border.rows = (std::max(y[1], 1) - 1) * node.stride_h + (w[1] - 1) * node.dilation_h + 1;
  border.columns = (std::max(y[2], 1) - 1) * node.stride_w + (w[2] - 1) * node.dilation_w + 1;
  border.phase_stride = (border.columns + node.stride_w - 1) / node.stride_w;
  border.row_stride = border.phase_stride * node.stride_w;
  border.plane = plane_stride(static_cast<std::size_t>(border.rows) * border.row_stride);
  return border;
}

class Convolution : public RowStep {
 public:
  void run(const RunContext& context) const override {
    for (int image = 0; image < y_planes.batch; ++image) {
      begin_image(context, image);
      if (pointwise_) {
        run_pointwise(context, image);
      } else {
        context.pool.parallel_for(y_planes.height, 1, [&](int begin, int end, int) {
          run_rows(context, image, {begin, end}, {}, output(context, image), nullptr);
        });
      }
    }
  }

  void begin_image(const RunContext& context, int image) const override {
    if (!pointwise_) make_border(context, image);
  }

  Rows input_rows(Rows output) const override {
    return pointwise_ ? output : Rows{0, x_planes.height};
  }

  void run_rows(const RunContext& context, int image, Rows rows, const RowsView& x,
                const RowsView& y, float*) const override {
    const int width = y_planes.width;
    const float* residual = residual_ < 0 ? nullptr
                                          : context.values[residual_] + image * y_planes.image() +
                                                static_cast<std::size_t>(rows.begin) * width;
    float* to = y.base + static_cast<std::size_t>(rows.begin - y.first) * width;
    if (pointwise_) {
      const float* from = x.base + static_cast<std::size_t>(rows.begin - x.first) * width;
      multiply(context, from, to, y.stride, residual, rows.count() * width, 0, rows_);
      return;
    }
    for (int row = rows.begin; row < rows.end; ++row) {
      const float* from = context.values[border_value_] +
                          static_cast<std::size_t>(row) * stride_h_ * border_.row_stride;
      multiply(context, from, to, y.stride, residual, width, 0, rows_);
      to += width;
      if (residual) residual += width;
    }
  }

  Status set_up(const Graph& graph, const Node& node, const Kernels& kernels) {
    const Tensor& weights = graph.tensors[node.inputs[1]];
    rows_ = weights.shape[0];
    depth_ = weights.shape[1] * weights.shape[2] * weights.shape[3];
    pointwise_ = is_pointwise(graph, node);
    stride_h_ = node.stride_h;
    stride_w_ = node.stride_w;
    pad_top_ = node.pad_top;
    pad_left_ = node.pad_left;
    epilogue_ = node.epilogue;
    if (!pointwise_) border_ = border_of(graph, node);

    std::vector<float> dense;
    TFSPARSE_RETURN_IF_ERROR(read_floats(weights, &dense));
    bias_.assign(rows_, 0.0f);
    if (node.inputs.size() > 2 && node.inputs[2] >= 0) {
      TFSPARSE_RETURN_IF_ERROR(read_floats(graph.tensors[node.inputs[2]], &bias_));
    }
    pack(dense, tap_offsets(weights.shape, node), kernels);
    return {};
  }

  RowInput x_;
  int y_ = -1, residual_ = -1, border_value_ = -1;

 private:
  std::vector<std::int32_t> tap_offsets(const Shape& w, const Node& node) const {
    const std::size_t plane = pointwise_ ? x_.planes.stride : border_.plane;
    std::vector<std::int32_t> offsets;
    offsets.reserve(depth_);
    for (int dy = 0; dy < w[1]; ++dy) {
      for (int dx = 0; dx < w[2]; ++dx) {
        const int column = dx * node.dilation_w;
        const int tap = dy * node.dilation_h * border_.row_stride +
                        column % stride_w_ * border_.phase_stride + column / stride_w_;
        for (int channel = 0; channel < w[3]; ++channel) {
          offsets.push_back(static_cast<std::int32_t>(channel * plane + tap));
        }
      }
    }
    return offsets;
  }

  void pack(const std::vector<float>& dense, const std::vector<std::int32_t>& offsets,
            const Kernels& kernels) {
    const int zeros = static_cast<int>(std::count(dense.begin(), dense.end(), 0.0f));
    const int pixels = pointwise_ ? y_planes.pixels() : y_planes.width;
    double& macs = parts[0].macs;
    std::string& kernel = parts[0].kernel;
    macs = static_cast<double>(y_planes.batch) * y_planes.pixels() * dense.size();
    sparse_ = zeros >= kSparseFrom * dense.size();
    if (!sparse_) {
      tile_pixels_ = 3 * kernels.lanes;
      offsets_ = offsets;
      weights_ = pack_dense(dense, rows_, depth_, kernels.gemm_rows);
      kernel = std::string("dense ") + kernels.name;
      return;
    }
    macs *= 1.0 - static_cast<double>(zeros) / dense.size();
    // As few passes over the weights as that allows, all equally wide.
    const int vectors = std::max(1, (pixels + kernels.lanes - 1) / kernels.lanes);
    const int passes = (vectors + kTile - 1) / kTile;
    tile_ = (vectors + passes - 1) / passes;
    tile_pixels_ = tile_ * kernels.lanes;
    const int fitting = std::max(16, kTileBytes / (tile_pixels_ * 4));
    const int count = (depth_ + fitting - 1) / fitting;
    for (int part = 0; part < count; ++part) {
      const int begin = static_cast<int>(static_cast<std::int64_t>(depth_) * part / count);
      const int end = static_cast<int>(static_cast<std::int64_t>(depth_) * (part + 1) / count);
      parts_.push_back(pack_sparse(dense, rows_, depth_, begin, end, offsets));
    }
    kernel = std::string("sparse ") + kernels.name + " " + std::to_string(tile_) + "x" +
             std::to_string(kernels.lanes) + (count > 1 ? "/" + std::to_string(count) : "");
  }

  void make_border(const RunContext& context, int image) const {
    const Planes& planes = x_.planes;
    context.pool.parallel_for(planes.channels, 1, [&](int begin, int end, int) {
      for (int channel = begin; channel < end; ++channel) {
        PadArgs args;
        const float* x = context.values[x_.value];
        if (x_.is_flat) {
          const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(planes.width) * planes.channels;
          args.x = x + image * row * planes.height + channel;
          args.x_pixel_stride = planes.channels;
          args.x_row_stride = row;
        } else {
          args.x = x + image * planes.image() + channel * planes.stride;
          args.x_pixel_stride = 1;
          args.x_row_stride = planes.width;
        }
        args.in_h = planes.height;
        args.in_w = planes.width;
        args.y = context.values[border_value_] + channel * border_.plane;
        args.out_h = border_.rows;
        args.out_w = border_.columns;
        args.pad_top = pad_top_;
        args.pad_left = pad_left_;
        args.stride_w = stride_w_;
        args.row_stride = border_.row_stride;
        args.phase_stride = border_.phase_stride;
        context.kernels.pad(args);
      }
    });
  }

  RowsView output(const RunContext& context, int image) const {
    return {context.values[y_] + image * y_planes.image(), y_planes.stride, 0};
  }

  // Shares the work among the threads: by pixels, or where there are too few, by output channels.
  void run_pointwise(const RunContext& context, int image) const {
    const int threads = context.pool.size();
    const int pixels = y_planes.pixels();
    const float* x = context.values[x_.value] + image * x_.planes.image();
    const RowsView y = output(context, image);
    const float* residual =
        residual_ < 0 ? nullptr : context.values[residual_] + image * y_planes.image();
    const int tiles = (pixels + tile_pixels_ - 1) / tile_pixels_;
    if (tiles % threads == 0 || tiles >= 4 * threads) {
      context.pool.parallel_for(pixels, tile_pixels_, [&](int begin, int end, int) {
        multiply(context, x + begin, y.base + begin, y.stride,
                 residual ? residual + begin : nullptr, end - begin, 0, rows_);
      });
    } else {
      context.pool.parallel_for(rows_, context.kernels.gemm_rows, [&](int begin, int end, int) {
        const std::size_t at = begin * y.stride;
        multiply(context, x, y.base + at, y.stride, residual ? residual + at : nullptr, pixels,
                 begin, end);
      });
    }
  }

  // Output channels [row, end) of a run of n pixels; y and residual point at channel `row`.
  void multiply(const RunContext& context, const float* x, float* y, std::size_t y_stride,
                const float* residual, int n, int row, int end) const {
    if (!sparse_) {
      context.kernels.gemm({x, y, y_stride, n, end - row, depth_,
                            weights_.data() + static_cast<std::size_t>(row) * depth_,
                            offsets_.data(), bias_.data() + row, residual, epilogue_});
      return;
    }
    // Tile by tile, so that the parts of the reduction find their sums in the cache.
    const int step = parts_.size() > 1 ? tile_pixels_ : n;
    for (int at = 0; at < n; at += step) {
      for (std::size_t part = 0; part < parts_.size(); ++part) {
        const SparseMatrix& matrix = parts_[part];
        const std::size_t nonzero = matrix.row_begin[row];
        context.kernels.spmm({x + at, y + at, y_stride, std::min(step, n - at), end - row,
                              matrix.values.data() + nonzero, matrix.offsets.data() + nonzero,
                              matrix.row_nnz.data() + row, bias_.data() + row,
                              residual ? residual + at : nullptr, part > 0,
                              part + 1 == parts_.size(), tile_, epilogue_});
      }
    }
  }

  bool pointwise_ = false, sparse_ = false;
  int rows_ = 0, depth_ = 0;
  int stride_h_ = 1, stride_w_ = 1, pad_top_ = 0, pad_left_ = 0;
  Border border_;
  Epilogue epilogue_;
  std::vector<float> bias_;
  int tile_ = 1, tile_pixels_ = 1;
  std::vector<SparseMatrix> parts_;    // sparse: by ranges of taps
  std::vector<float> weights_;         // dense
  std::vector<std::int32_t> offsets_;  // dense
};

}  // namespace

std::size_t convolution_border(const Graph& graph, const Node& node) {
  if (is_pointwise(graph, node)) return 0;
  return border_of(graph, node).plane * graph.tensors[node.inputs[1]].shape[3];
}

Status make_convolution(const Graph& graph, const Node& node, const RowInput& x, int y,
                        const Planes& y_planes, int residual, int border, const Kernels& kernels,
                        std::unique_ptr<RowStep>* step) {
  auto convolution = std::make_unique<Convolution>();
  convolution->x_ = x;
  convolution->x_planes = x.planes;
  convolution->y_ = y;
  convolution->y_planes = y_planes;
  convolution->residual_ = residual;
  convolution->border_value_ = border;
  convolution->parts[0].node_id = node.id;
  for (int value : {x.value, residual}) {
    if (value >= 0) convolution->reads.push_back(value);
  }
  for (int value : {y, border}) {
    if (value >= 0) convolution->writes.push_back(value);
  }
  TFSPARSE_RETURN_IF_ERROR(convolution->set_up(graph, node, kernels));
  *step = std::move(convolution);
  return {};
}

}  // namespace tfsparse
