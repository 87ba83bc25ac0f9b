#include "delegate/core/assignment/estimate.h"

#include <cmath>

#include "delegate/core/operators/weighted/image_convolution.h"

namespace tfsparse {
namespace {

// Units and source: estimate.h.
constexpr double kOperator = 300;  // to start an operator
// Per vector of MACs in a matrix product. Vectors of 8 are those of AVX2, measured on Intel's and
// AMD's processors.
constexpr double pointwise(int lanes) { return lanes == 8 ? 1.10 : 1.18; }
constexpr double kOddVector = 1.5;    // for the last vector, if the number of vectors is odd
constexpr double kActivations = 0.7;  // of an element-wise pass: a convolution's input and output
constexpr double kWeights = 1.1;      // of an element-wise pass: weights
constexpr double kThreadGain = 0.85;  // speed of each further thread

}  // namespace

WorkContext::WorkContext(const Graph& graph)
    : graph_(graph),
      lanes_(best_kernels().lanes),
      convolved_(graph.tensors.size()),
      otherwise_read_(graph.tensors.size()) {
  for (const Node& node : graph.nodes) {
    const auto* convolution = as<ImageConvolution>(node);
    const bool pads = convolution && convolution->window.padding == Padding::kValid;
    for (int input : node.inputs) {
      if (input >= 0) (pads ? convolved_ : otherwise_read_)[input] = true;
    }
  }
  for (int output : graph.outputs) otherwise_read_[output] = true;
}

double WorkContext::vectors(double columns) const { return std::ceil(columns / lanes_); }

double WorkContext::touched(const Node& node) const {
  double numbers = elements(node.output);
  for (int input : node.inputs) {
    if (input >= 0 && !graph_.tensors[input].is_constant()) numbers += elements(input);
  }
  return numbers;
}

double WorkContext::tile_vectors(double rows, double columns) const {
  const double count = vectors(columns);
  const bool odd = std::fmod(count, 2) == 1;
  return rows * (odd ? count - 1 + kOddVector : count);
}

DefaultWork WorkContext::product(const Node& node, double rows, double columns,
                                 double depth) const {
  DefaultWork work;
  work.vectors = pointwise(lanes_) * tile_vectors(rows, columns) * (depth + kTileStart);
  work.touched = touched(node);
  work.touch_factor = kActivations;
  work.weights = kWeights * columns * depth;
  return work;
}

DefaultWork WorkContext::int8_product(const Node& node, double rows, double columns, double taps,
                                      double channels) const {
  const Int8Costs& costs = int8_costs();
  const auto filled = [](double size, int multiple) {
    return std::ceil(size / multiple) * multiple;
  };
  DefaultWork work;
  const double macs = rows * filled(columns, costs.columns) * taps * filled(channels, costs.depth);
  work.vectors = (taps > 1 ? costs.convolution : costs.product) * macs / lanes_ +
                 costs.output * rows * columns / lanes_ + costs.row * rows;
  work.touched = kInt8Number * touched(node);
  work.touch_factor = kActivations;
  work.weights = kInt8Number * kWeights * columns * taps * channels;
  return work;
}

DefaultWork WorkContext::int8_elementwise(const Node& node) const {
  const double arithmetic = int8_costs().elementwise * vectors(elements(node.output));
  return {arithmetic, kInt8Number * touched(node), 1, true, 0};
}

std::vector<DefaultWork> predict_default_work(const Graph& graph) {
  std::vector<DefaultWork> all;
  const WorkContext context(graph);
  for (const Node& node : graph.nodes) {
    if (node.output_index > 0) continue;  // counted with the operator's first output
    const bool is_int8 = graph.tensors[node.output].type == DType::kInt8;
    const DefaultWork one =
        is_int8 ? node.op->default_int8_work(context, node) : node.op->default_work(context, node);
    if (one.touched > 0) all.push_back(one);
  }
  return all;
}

double predict_default_seconds(const std::vector<DefaultWork>& work, const Speed& speed,
                               int threads) {
  double weights = 0;
  for (const DefaultWork& one : work) weights += one.weights;
  // Every inference reads all weights, so the cache level follows from their total size.
  double seconds = weights * speed.seconds_per_number(weights);
  for (const DefaultWork& one : work) {
    const double arithmetic = one.vectors * speed.tile_seconds;
    const double memory = one.touch_factor * one.touched * speed.seconds_per_number(one.touched);
    seconds += kOperator * speed.tile_seconds;
    seconds += one.overlapping ? std::max(arithmetic, memory) : arithmetic + memory;
  }
  return seconds / (1 + kThreadGain * (threads - 1));
}

}  // namespace tfsparse
