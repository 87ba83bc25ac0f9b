#include "delegate/core/steps/int8/transpose_convolution.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/operators/weighted/transpose_convolution.h"
#include "delegate/core/steps/strided_copy.h"
#include "delegate/core/steps/transpose_convolution.h"

namespace tfsparse {
namespace {

// Of the convolution of all phases. Where there are more, the stride is far longer than the kernel.
constexpr std::int64_t kMostWeights = std::int64_t{1} << 26;
constexpr std::int64_t kMostChannels = std::int64_t{1} << 16;

// The sizes of the convolution that computes all phases.
struct Phases {
  TransposeAxis rows, columns;
  int channels;  // of a phase
  int inputs;

  Phases(const Graph& graph, const Node& node)
      : Phases(
            transpose_window(as<TransposeConvolution>(node)->window,
                             graph.tensors[node.inputs[1]].shape, graph.tensors[node.output].shape),
            graph.tensors[node.inputs[1]].shape) {}
  Phases(const TransposeWindow& window, const Shape& weights)
      : rows(window.rows),
        columns(window.columns),
        channels(int8::quads_of(weights[0]) * int8::kQuad),
        inputs(weights[3]) {}

  int count() const { return rows.phases() * columns.phases(); }
  std::int64_t weights() const {
    return product_of(
        {rows.phases(), columns.phases(), channels, rows.reach(), columns.reach(), inputs});
  }
  Shape weights_shape() const {
    return {count() * channels, rows.reach(), columns.reach(), inputs};
  }
};

// The weights of all phases: each where its tap is, and zeros elsewhere.
std::vector<std::int8_t> spread(const std::vector<std::int8_t>& stored, const Shape& w,
                                const Phases& phases) {
  std::vector<std::int8_t> all(static_cast<std::size_t>(phases.weights()), 0);
  const TransposeAxis &rows = phases.rows, &columns = phases.columns;
  auto from = stored.begin();
  for (int output = 0; output < w[0]; ++output) {
    for (int ky = 0; ky < w[1]; ++ky) {
      for (int kx = 0; kx < w[2]; ++kx, from += w[3]) {
        const int row = rows.phase_of(ky), column = columns.phase_of(kx);
        if (row >= rows.phases() || column >= columns.phases()) continue;
        std::size_t to = row * columns.phases() + column;
        to = to * phases.channels + output;
        to = to * rows.reach() + rows.offset(row, ky);
        to = to * columns.reach() + columns.offset(column, kx);
        std::copy(from, from + w[3], all.begin() + static_cast<std::ptrdiff_t>(to * w[3]));
      }
    }
  }
  return all;
}

// The numbers of the channels, for each phase. What fills up the last quad has the last one's.
template <class T>
std::vector<T> repeat(const std::vector<T>& numbers, const Phases& phases) {
  std::vector<T> all;
  for (int phase = 0; phase < phases.count(); ++phase) {
    all.insert(all.end(), numbers.begin(), numbers.end());
    all.resize(static_cast<std::size_t>(phase + 1) * phases.channels, numbers.back());
  }
  return all;
}

// The zero points, which are 0, are not read.
void repeat_scales(const Phases& phases, Tensor* weights) {
  if (weights->quantization->scales.size() == 1) return;
  auto all = std::make_shared<Quantization>(*weights->quantization);
  all->scales = repeat(all->scales, phases);
  weights->quantization = std::move(all);
}

}  // namespace

bool has_int8_transpose_convolution(const Graph& graph, const Node& node) {
  const Phases phases(graph, node);
  const std::int64_t channels = std::int64_t{phases.count()} * phases.channels;
  return channels <= kMostChannels && phases.weights() <= kMostWeights;
}

Status convolve_phases(const Graph& graph, const Node& node, Graph* result) {
  const Phases phases(graph, node);
  const TransposeConvolution& op = *as<TransposeConvolution>(node);
  Tensor weights = graph.tensors[node.inputs[1]], y = graph.tensors[node.output];
  std::vector<std::int8_t> stored;
  TFSPARSE_RETURN_IF_ERROR(read_int8(weights, &stored));
  Convolution conv;
  conv.window.pad_top = phases.rows.border;
  conv.window.pad_left = phases.columns.border;
  conv.epilogue = op.epilogue;
  conv.filled = phases.weights() - static_cast<std::int64_t>(stored.size());
  set_constant(spread(stored, weights.shape, phases), &weights);
  weights.shape = phases.weights_shape();
  repeat_scales(phases, &weights);
  y.shape = {y.shape[0], phases.rows.outputs(0), phases.columns.outputs(0), weights.shape[0]};
  Node made = node;
  made.op = std::move(conv);
  made.inputs = {0, 1, -1};
  made.output = 2;
  const Shape bias_shape = {weights.shape[0]};
  result->tensors.push_back(graph.tensors[node.inputs[0]]);
  result->tensors.push_back(std::move(weights));
  result->tensors.push_back(std::move(y));
  if (node.inputs[2] >= 0) {
    std::vector<std::int32_t> numbers;
    Tensor bias = graph.tensors[node.inputs[2]];
    TFSPARSE_RETURN_IF_ERROR(read_int32(bias, &numbers));
    set_constant(repeat(numbers, phases), &bias);
    bias.shape = bias_shape;
    made.inputs[2] = 3;
    result->tensors.push_back(std::move(bias));
  }
  result->nodes.push_back(std::move(made));
  return {};
}

std::unique_ptr<Step> make_int8_interleave(const PlanBuilder& builder, const Node& node,
                                           const Shape& planes, Value x, Value y) {
  const MovedElements elements(builder, node.output, true);
  const Phases phases(builder.graph(), node);
  const TransposeAxis &rows = phases.rows, &columns = phases.columns;
  const auto from = elements.strides(planes), to = elements.strides(builder.shape(node.output));
  const int quads = phases.channels / int8::kQuad;
  const std::ptrdiff_t phase = quads * from[3];
  std::vector<StridedCopy> copies;
  // Copies pixels of the first `count` column phases.
  const auto add = [&](int row, int first, int pixels, int count) {
    StridedCopy copy;
    copy.from = x;
    copy.from_offset = row * columns.phases() * phase + first * from[2];
    copy.to_offset = row * to[1] + first * columns.stride * to[2];
    copy.dims = {{planes[0], from[0], to[0]},
                 {quads, from[3], to[3]},
                 {rows.outputs(row), from[1], to[1] * rows.stride},
                 {pixels, from[2], to[2] * columns.stride},
                 {count, phase, to[2]}};
    copies.push_back(std::move(copy));
  };
  const int whole = columns.size / columns.stride, left = columns.size % columns.stride;
  for (int row = 0; row < rows.phases(); ++row) {
    add(row, 0, whole, columns.stride);
    add(row, whole, 1, left);
  }
  return make_strided_copies("int8 interleave", elements, std::move(copies), y);
}

}  // namespace tfsparse
