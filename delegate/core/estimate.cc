#include "delegate/core/estimate.h"

#include <algorithm>
#include <cmath>

namespace tfsparse {
namespace {

// Costs of XNNPACK's kernels, in vectors of its register tile where nothing else is said. Measured
// operator by operator on one processor, with AVX-512 and with AVX2, then adjusted to the latencies
// of 33 networks, where caches are colder; benchmarks/default_latency.py shows what the prediction
// is worth on any machine.
constexpr double kOperator = 300;       // starting an operator
constexpr double kPointwise = 1.18;     // a vector of multiply-adds of a product of matrices
constexpr double kConvolution = 1.2;    // of a larger convolution
constexpr double kTileStart = 4;        // starting and ending a tile, of each of its vectors
constexpr double kTapStart = 0.6;       // the pointers of a tap, of each vector
constexpr double kOddVector = 1.5;      // the last one, where their number is odd
constexpr double kActivations = 0.7;    // of a pass, the tensors that a convolution reads and makes
constexpr double kWeights = 1.1;        // of a pass, the weights
constexpr double kDepthwisePixel = 15;  // a pixel of a depthwise convolution,
constexpr double kDepthwiseTap = 2;     // a vector of channels for each tap,
constexpr double kDistantTap = 3;       // the same where weights overflow the first-level cache,
constexpr double kExcessTap = 3;  // a number, where there are more taps than it has kernels for
constexpr double kDepthwiseTouch = 0.2;  // of a pass
constexpr double kFirstCacheNumbers = 8192;
constexpr int kMaxDepthwiseTaps = 25;
constexpr double kMaxTap = 3;            // a vector of channels for each tap of max pooling,
constexpr double kAverageTap = 2;        // of average pooling,
constexpr double kPooledPixel = 24;      // and a pixel
constexpr double kTransposed = 1.6;      // a vector of multiply-adds of a transposed convolution,
constexpr double kTransposedPixel = 72;  // and a pixel that it makes
constexpr double kBilinear = 1.5;        // a number that bilinear resizing makes
constexpr double kNearestPixel = 80;     // a pixel that TFLite's own resizing copies
constexpr double kPaddedPixel = 40;
constexpr double kMove = 1.7;          // what moves pixels, times the above or a pass
constexpr double kElementwise = 1.15;  // other operators likewise
constexpr double kExponential = 18;    // a vector of what takes an exponential function
constexpr double kRoot = 10;
constexpr double kThreadGain = 0.85;  // of another thread's speed

class Work {
 public:
  explicit Work(const Graph& graph)
      : graph_(graph),
        lanes_(best_kernels().lanes),
        convolved_(graph.tensors.size()),
        otherwise_read_(graph.tensors.size()) {
    for (const Node& node : graph.nodes) {
      const bool convolution = node.op == Op::kConv2D || node.op == Op::kDepthwiseConv2D;
      const bool pads = convolution && node.padding == Padding::kValid;
      for (int input : node.inputs) {
        if (input >= 0) (pads ? convolved_ : otherwise_read_)[input] = true;
      }
    }
    for (int output : graph.outputs) otherwise_read_[output] = true;
  }

  DefaultWork of(const Node& node) const {
    switch (node.op) {
      case Op::kConv2D:
        return convolution(node);
      case Op::kDepthwiseConv2D:
        return depthwise(node);
      case Op::kFullyConnected: {
        const Shape& w = weights(node);
        return product(node, elements(node.output) / w[0], w[0], w[1]);
      }
      case Op::kTransposeConv: {
        const Shape& w = weights(node);
        DefaultWork work = product(node, elements(node.inputs[0]) / w[3], w[0] * w[1] * w[2], w[3]);
        work.vectors = kTransposed * work.vectors + kTransposedPixel * pixels(node.output);
        return work;
      }
      case Op::kPool:
      case Op::kResize:
      case Op::kPad:
      case Op::kConcatenation:
        return move(node);
      case Op::kReshape:
      case Op::kSqueeze:
      case Op::kExpandDims:
      case Op::kDensify:
      case Op::kDequantize:
      case Op::kShape:
      case Op::kStridedSlice:
      case Op::kPack:
        return {};
      default:
        return elementwise(node);
    }
  }

 private:
  const Shape& weights(const Node& node) const { return graph_.tensors[node.inputs[1]].shape; }
  double elements(int tensor) const {
    return static_cast<double>(element_count(graph_.tensors[tensor].shape));
  }
  double channels(int tensor) const {
    const Shape& shape = graph_.tensors[tensor].shape;
    return shape.empty() ? 1 : std::max(1, shape.back());
  }
  double pixels(int tensor) const { return elements(tensor) / channels(tensor); }
  double vectors(double columns) const { return std::ceil(columns / lanes_); }

  double touched(const Node& node) const {
    double numbers = elements(node.output);
    for (int input : node.inputs) {
      if (input >= 0 && !graph_.tensors[input].is_constant()) numbers += elements(input);
    }
    return numbers;
  }

  // Vectors of a matrix product but for its depth.
  double tile_vectors(double rows, double columns) const {
    const double count = vectors(columns);
    const bool odd = std::fmod(count, 2) == 1;
    return rows * (odd ? count - 1 + kOddVector : count);
  }

  DefaultWork product(const Node& node, double rows, double columns, double depth) const {
    DefaultWork work;
    work.vectors = kPointwise * tile_vectors(rows, columns) * (depth + kTileStart);
    work.touched = touched(node);
    work.touch_factor = kActivations;
    work.weights = kWeights * columns * depth;
    return work;
  }

  DefaultWork convolution(const Node& node) const {
    const Shape& w = weights(node);
    const double taps = static_cast<double>(w[1]) * w[2], rows = pixels(node.output);
    DefaultWork work = product(node, rows, w[0], taps * w[3]);
    if (taps == 1 && node.stride_h == 1 && node.stride_w == 1) return work;
    work.vectors =
        kConvolution * tile_vectors(rows, w[0]) * (taps * (w[3] + kTapStart) + kTileStart);
    return work;
  }

  DefaultWork depthwise(const Node& node) const {
    const Shape& w = weights(node);
    const double taps = static_cast<double>(w[1]) * w[2];
    const bool distant = (taps + 1) * w[3] > kFirstCacheNumbers;
    DefaultWork work;
    work.touched = touched(node);
    work.touch_factor = kDepthwiseTouch;
    work.vectors =
        pixels(node.output) *
        (kDepthwisePixel + taps * vectors(w[3]) * (distant ? kDistantTap : kDepthwiseTap));
    if (taps > kMaxDepthwiseTaps) work.vectors = kExcessTap * taps * elements(node.output);
    return work;
  }

  DefaultWork move(const Node& node) const {
    if (node.op == Op::kPad && pads_in_convolution(node)) return {};
    double cost = 0;  // of a pixel
    if (node.op == Op::kPad) cost = kPaddedPixel;
    if (node.op == Op::kResize) {
      const bool bilinear = node.interpolation == Interpolation::kBilinear;
      cost = bilinear ? kBilinear * channels(node.output) : kNearestPixel;
    }
    if (node.op == Op::kPool) {
      const double tap = node.pooling == Pooling::kMax ? kMaxTap : kAverageTap;
      cost = kPooledPixel + tap * node.window_h * node.window_w * vectors(channels(node.output));
    }
    return overlapping(node, kMove, cost * pixels(node.output));
  }

  DefaultWork elementwise(const Node& node) const {
    const double cost = node.op == Op::kSoftmax ? kExponential : vector_cost(node);
    return overlapping(node, kElementwise, cost * vectors(elements(node.output)));
  }

  DefaultWork overlapping(const Node& node, double factor, double vectors) const {
    return {factor * vectors, touched(node), factor, true, 0};
  }

  double vector_cost(const Node& node) const {
    if (node.unary == Unary::kExp) return kExponential;
    if (node.unary == Unary::kSqrt || node.unary == Unary::kRsqrt) return kRoot;
    switch (node.epilogue.activation) {
      case Activation::kSigmoid:
      case Activation::kSwish:
      case Activation::kTanh:
      case Activation::kElu:
      case Activation::kGelu:
      case Activation::kGeluTanh:
        return kExponential;
      default:
        return 0;
    }
  }

  // Whether XNNPACK makes the padding a part of the convolutions behind it.
  bool pads_in_convolution(const Node& pad) const {
    return convolved_[pad.output] && !otherwise_read_[pad.output];
  }

  const Graph& graph_;
  int lanes_;                                     // of XNNPACK's kernels
  std::vector<bool> convolved_, otherwise_read_;  // tensors: as a padded image, or in any other way
};

}  // namespace

std::vector<DefaultWork> predict_default_work(const Graph& graph) {
  std::vector<DefaultWork> all;
  const Work work(graph);
  for (const Node& node : graph.nodes) {
    if (node.part > 0) continue;  // counted with the operator's first output
    const DefaultWork one = work.of(node);
    if (one.touched > 0) all.push_back(one);
  }
  return all;
}

double predict_default_seconds(const std::vector<DefaultWork>& work, const Speed& speed,
                               int threads) {
  double weights = 0;
  for (const DefaultWork& one : work) weights += one.weights;
  // One inference reads all weights of the network: the small ones, too, come from where all lie.
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
