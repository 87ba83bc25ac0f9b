// TRANSPOSE_CONV on planes. Output pixels that lie alike within the stride, one *phase*, read their
// inputs through the same taps: each phase is a convolution of stride 1 with its share of the taps.
// All phases read one bordered copy of the input; the phases of a row are interleaved as they are
// written.
#include "delegate/core/transpose_conv.h"

#include <algorithm>

#include "delegate/core/pack.h"

namespace tfsparse {
namespace {

// From this fraction of zeros on, skipping them is faster than multiplying by them.
constexpr double kSparseFrom = 0.4;

// Pixels aimed at in one pass over the weights: several short rows go together, the border between
// them computed for nothing.
constexpr int kRunPixels = 128;

// Output channels of a pass, whose phases stay in the cache until they are interleaved. A multiple
// of Kernels::gemm_rows.
constexpr int kChannels = 64;

// Vectors of pixels that a sparse pass keeps in registers.
constexpr int kTile = 8;

// The weights of one phase.
struct Phase {
  int depth = 0;  // taps, of all channels
  bool sparse = false;
  SparseMatrix nonzeros;
  std::vector<float> weights;
  std::vector<std::int32_t> offsets;  // of dense taps
};

class TransposeConv : public Step {
 public:
  TransposeConv(const TransposeWindow& window, const Planes& x, const Planes& y)
      : rows_(window.rows), columns_(window.columns), x_(x), y_(y) {
    plane_ = plane_stride(static_cast<std::size_t>(rows_.bordered) * columns_.bordered);
    run_rows_ = std::clamp(kRunPixels / columns_.bordered, 1, rows_.outputs(0));
    run_ = static_cast<std::size_t>(run_rows_) * columns_.bordered;
    scratch = static_cast<std::size_t>(columns_.stride) * std::min(kChannels, y.channels) * run_;
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
    const Tensor& weights = graph.tensors[node.inputs[1]];
    std::vector<float> dense;
    TFSPARSE_RETURN_IF_ERROR(read_floats(weights, &dense));
    bias_.assign(y_.channels, 0.0f);
    if (node.inputs[2] >= 0) {
      TFSPARSE_RETURN_IF_ERROR(read_floats(graph.tensors[node.inputs[2]], &bias_));
    }
    epilogue_ = node.epilogue;
    int sparse = 0;
    for (int row = 0; row < rows_.stride; ++row) {
      for (int column = 0; column < columns_.stride; ++column) {
        phases_.push_back(pack(dense, weights.shape, row, column, kernels));
        sparse += phases_.back().sparse && phases_.back().depth > 0;
        const double pixels = static_cast<double>(rows_.outputs(row)) * columns_.outputs(column);
        const Phase& phase = phases_.back();
        parts[0].macs += y_.batch * pixels *
                         (phase.sparse ? static_cast<double>(phase.nonzeros.values.size())
                                       : static_cast<double>(phase.depth) * y_.channels);
      }
    }
    parts[0].kernel = std::string(sparse > 0 ? "sparse" : "dense") + " transposed " + kernels.name;
    return {};
  }

  int x_value_ = -1, y_value_ = -1, border_value_ = -1;

 private:
  Phase pack(const std::vector<float>& dense, const Shape& w, int row, int column,
             const Kernels& kernels) const {
    Phase phase;
    for (int ky = rows_.first_tap(row); ky < w[1]; ky += rows_.stride) {
      for (int kx = columns_.first_tap(column); kx < w[2]; kx += columns_.stride) {
        const int tap = rows_.place(row, ky) * columns_.bordered + columns_.place(column, kx);
        for (int channel = 0; channel < w[3]; ++channel) {
          phase.offsets.push_back(static_cast<std::int32_t>(channel * plane_ + tap));
        }
      }
    }
    phase.depth = static_cast<int>(phase.offsets.size());
    std::vector<float> share;  // [output channel][tap], in the order of the offsets
    for (int output = 0; output < w[0]; ++output) {
      for (int ky = rows_.first_tap(row); ky < w[1]; ky += rows_.stride) {
        for (int kx = columns_.first_tap(column); kx < w[2]; kx += columns_.stride) {
          const std::size_t tap = (static_cast<std::size_t>(output) * w[1] + ky) * w[2] + kx;
          const auto from = dense.begin() + static_cast<std::ptrdiff_t>(tap * w[3]);
          share.insert(share.end(), from, from + w[3]);
        }
      }
    }
    const auto zeros = std::count(share.begin(), share.end(), 0.0f);
    phase.sparse = zeros >= kSparseFrom * share.size();
    if (phase.sparse) {
      phase.nonzeros = pack_sparse(share, w[0], phase.depth, 0, phase.depth, phase.offsets);
    } else {
      phase.weights = pack_dense(share, w[0], phase.depth, kernels.gemm_rows);
    }
    return phase;
  }

  void make_border(const RunContext& context, int image) const {
    context.pool.parallel_for(x_.channels, 1, [&](int begin, int end, int) {
      for (int channel = begin; channel < end; ++channel) {
        PadArgs args{};
        args.x = context.values[x_value_] + image * x_.image() + channel * x_.stride;
        args.in_h = x_.height;
        args.in_w = x_.width;
        args.x_pixel_stride = 1;
        args.x_row_stride = x_.width;
        args.y = context.values[border_value_] + channel * plane_;
        args.out_h = rows_.bordered;
        args.out_w = columns_.bordered;
        args.pad_top = rows_.border;
        args.pad_left = columns_.border;
        args.stride_w = 1;
        args.row_stride = args.phase_stride = columns_.bordered;
        context.kernels.pad(args);
      }
    });
  }

  // Of one row phase the rows [row, row + count), as many as it has.
  void convolve(const RunContext& context, int image, int row_phase, int row, int count,
                float* scratch) const {
    count = std::min(count, rows_.outputs(row_phase) - row);
    if (count <= 0) return;
    const float* x =
        context.values[border_value_] + static_cast<std::size_t>(row) * columns_.bordered;
    const int n = (count - 1) * columns_.bordered + columns_.outputs(0);
    for (int channel = 0; channel < y_.channels; channel += kChannels) {
      const int end = std::min(channel + kChannels, y_.channels);
      for (int column = 0; column < columns_.stride; ++column) {
        const Phase& phase = phases_[row_phase * columns_.stride + column];
        // The phases of a channel lie one behind the other.
        multiply(context, phase, x, scratch + column * run_, n, channel, end);
      }
      for (int c = channel; c < end; ++c) {
        const float* from = scratch + (c - channel) * columns_.stride * run_;
        float* to = context.values[y_value_] + image * y_.image() + c * y_.stride;
        for (int i = 0; i < count; ++i) {
          const std::size_t y_row = static_cast<std::size_t>(row + i) * rows_.stride + row_phase;
          interleave(context, from + i * columns_.bordered, to + y_row * y_.width);
        }
      }
    }
  }

  void interleave(const RunContext& context, const float* phases, float* y) const {
    const int whole = y_.width / columns_.stride;
    context.kernels.from_planes(phases, y, whole, columns_.stride, run_);
    for (int column = 0; column < y_.width % columns_.stride; ++column) {
      y[whole * columns_.stride + column] = phases[column * run_ + whole];
    }
  }

  // Output channels [channel, end) of a run of n pixels.
  void multiply(const RunContext& context, const Phase& phase, const float* x, float* y, int n,
                int channel, int end) const {
    const std::size_t y_stride = columns_.stride * run_;
    const float* bias = bias_.data() + channel;
    if (!phase.sparse) {
      const float* weights = phase.weights.data() + static_cast<std::size_t>(channel) * phase.depth;
      context.kernels.gemm({x, y, y_stride, n, end - channel, phase.depth, weights,
                            phase.offsets.data(), bias, nullptr, epilogue_});
      return;
    }
    const std::size_t nonzero = phase.nonzeros.row_begin[channel];
    context.kernels.spmm({x, y, y_stride, n, end - channel, phase.nonzeros.values.data() + nonzero,
                          phase.nonzeros.offsets.data() + nonzero,
                          phase.nonzeros.row_nnz.data() + channel, bias, nullptr, false, true,
                          kTile, epilogue_});
  }

  TransposeAxis rows_, columns_;
  Planes x_, y_;
  std::size_t plane_ = 0;  // floats between the bordered planes
  int run_rows_ = 1;       // rows computed together, the border between them included
  std::size_t run_ = 0;    // floats of them in the scratch
  std::vector<Phase> phases_;
  std::vector<float> bias_;
  Epilogue epilogue_;
};

}  // namespace

TransposeWindow transpose_window(const Node& node, const Shape& weights, const Shape& y) {
  return {{y[1], weights[1], node.stride_h, node.pad_top},
          {y[2], weights[2], node.stride_w, node.pad_left}};
}

std::size_t transpose_conv_border(const Graph& graph, const Node& node) {
  const Shape& w = graph.tensors[node.inputs[1]].shape;
  const TransposeWindow window = transpose_window(node, w, graph.tensors[node.output].shape);
  return plane_stride(static_cast<std::size_t>(window.rows.bordered) * window.columns.bordered) *
         w[3];
}

Status make_transpose_conv(const Graph& graph, const Node& node, int x, int border, int y,
                           const Kernels& kernels, std::unique_ptr<Step>* result) {
  const Shape& y_shape = graph.tensors[node.output].shape;
  const Shape& w = graph.tensors[node.inputs[1]].shape;
  auto step = std::make_unique<TransposeConv>(transpose_window(node, w, y_shape),
                                              planes_of(graph.tensors[node.inputs[0]].shape),
                                              planes_of(y_shape));
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
