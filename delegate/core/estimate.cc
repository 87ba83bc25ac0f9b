#include "delegate/core/estimate.h"

#include <algorithm>
#include <chrono>

#include "delegate/core/memory.h"
#include "delegate/core/product.h"

namespace tfsparse {
namespace {

// What XNNPACK's kernels take, in multiply-adds of our dense product at its best, as measure_speed
// times it: so one table serves every processor. Fitted by least squares of the relative errors to
// the latencies of nine image networks, all of which it then predicts within a tenth;
// benchmarks/default_latency.py shows what it does on any machine.
struct Costs {
  double pointwise = 1.09;      // a multiply-add of a 1x1 convolution
  double convolution = 1.05;    // of a larger one
  double few_channels = 2.1;    // of one that reads at most four channels
  double depthwise = 3.8;       // of a depthwise convolution
  double fully_connected = 12;  // a weight, which comes from memory
  double element = 3.4;         // a number read or written by any other operator
};
constexpr Costs kCosts;

// How much of another thread's speed is gained.
constexpr double kThreadGain = 0.85;

double elements(const Graph& graph, int tensor) {
  return tensor < 0 ? 0.0 : static_cast<double>(element_count(graph.tensors[tensor].shape));
}

double cost_of(const Graph& graph, const Node& node) {
  const double outputs = elements(graph, node.output);
  switch (node.op) {
    case Op::kConv2D: {
      const Shape& w = graph.tensors[node.inputs[1]].shape;
      const double macs = outputs * w[1] * w[2] * w[3];
      if (w[1] * w[2] == 1) return kCosts.pointwise * macs;
      return (w[3] <= 4 ? kCosts.few_channels : kCosts.convolution) * macs;
    }
    case Op::kTransposeConv:
      return kCosts.convolution * elements(graph, node.inputs[0]) *
             elements(graph, node.inputs[1]) / graph.tensors[node.inputs[0]].shape[3];
    case Op::kDepthwiseConv2D: {
      const Shape& w = graph.tensors[node.inputs[1]].shape;
      return kCosts.depthwise * outputs * w[1] * w[2];
    }
    case Op::kFullyConnected: {
      const double rows = outputs / graph.tensors[node.inputs[1]].shape[0];
      return (kCosts.fully_connected + kCosts.pointwise * (rows - 1)) *
             elements(graph, node.inputs[1]);
    }
    case Op::kReshape:
    case Op::kSqueeze:
    case Op::kExpandDims:
    case Op::kDensify:
    case Op::kDequantize:
    case Op::kShape:
    case Op::kStridedSlice:
    case Op::kPack:
      return 0.0;
    default: {
      double touched = outputs;
      for (int input : node.inputs) touched += elements(graph, input);
      return kCosts.element * touched;
    }
  }
}

// Multiply-adds a second of a dense product whose data are in the caches.
double measure_speed() {
  using Clock = std::chrono::steady_clock;
  constexpr int kChannels = 64, kPixels = 96, kRepeats = 60;
  const Kernels& kernels = best_kernels();
  Product::Weights weights{std::vector<float>(kChannels * kChannels, 1.0f), kChannels, {}, 1, 1, 0};
  for (int channel = 0; channel < kChannels; ++channel) {
    weights.taps.push_back({channel, channel * kPixels});
  }
  Product product;
  product.pack(weights, std::vector<float>(kChannels), Epilogue(), kPixels, kernels);
  const Buffer x(kChannels * kPixels + kOverread, kernels.element_bytes);
  Buffer y(kChannels * kPixels + kOverread, kernels.element_bytes);
  double best = 1e9;
  for (int i = 0; i < kRepeats; ++i) {
    const Clock::time_point start = Clock::now();
    product.multiply(kernels, {}, x.data(), y.data(), kPixels, Elements(), kPixels);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return static_cast<double>(kChannels) * kChannels * kPixels / best;
}

}  // namespace

double estimate_default_seconds(const Graph& graph, int threads) {
  static const double speed = measure_speed();
  double cost = 0;
  for (const Node& node : graph.nodes) cost += cost_of(graph, node);
  return cost / speed / (1 + kThreadGain * (threads - 1));
}

}  // namespace tfsparse
