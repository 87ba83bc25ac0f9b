// Predicts how long TFLite's default runtime, XNNPACK, takes for a graph. A delegate cannot time
// another delegate. So the time is computed from the work of each operator and the measured speed
// of this processor.
#pragma once

#include <algorithm>
#include <vector>

#include "delegate/core/assignment/int8_costs.h"
#include "delegate/core/assignment/speed.h"
#include "delegate/core/graph/graph.h"

namespace tfsparse {

// The work of one operator in XNNPACK.
struct DefaultWork {
  double vectors = 0;        // arithmetic, in MAC vectors of the register tile
  double touched = 0;        // numbers in its inputs and output
  double touch_factor = 1;   // cost of touching one, relative to an element-wise pass
  bool overlapping = false;  // whether memory access and arithmetic overlap in time
  double weights = 0;        // numbers read as weights
};

// Costs that several operators share, in vectors of XNNPACK's register tile unless a comment says
// otherwise. Costs of one operator are in its file. Measured operator by operator on one processor,
// with AVX-512 and AVX2, then adjusted to the latencies of 33 networks, where caches are colder.
// benchmarks/default_latency.py shows the error on other machines.
constexpr double kTileStart = 4;       // to start and end a tile, per vector of it
constexpr double kExponential = 18;    // per vector of an exponential function
constexpr double kPixelMove = 1.7;     // moving pixels: factor on arithmetic or on a pass
constexpr double kElementwise = 1.15;  // other operators: the same
constexpr double kInt8Number = 0.25;   // an int8 number, in float32 numbers

// The input of the operators' predictions. Needs a graph with shapes.
class WorkContext {
 public:
  explicit WorkContext(const Graph& graph);

  const Shape& shape(int tensor) const { return graph_.tensors[tensor].shape; }
  double elements(int tensor) const { return static_cast<double>(element_count(shape(tensor))); }
  double channels(int tensor) const {
    return shape(tensor).empty() ? 1 : std::max(1, shape(tensor).back());
  }
  double pixels(int tensor) const { return elements(tensor) / channels(tensor); }
  // The number of vectors that hold `columns` numbers.
  double vectors(double columns) const;
  // Numbers in the node's output and in those inputs that are not constants.
  double touched(const Node& node) const;
  // Whether XNNPACK folds the padding into the convolutions that read it.
  bool pads_in_convolution(const Node& pad) const {
    return convolved_[pad.output] && !otherwise_read_[pad.output];
  }

  // Vectors of a matrix product, per unit of depth.
  double tile_vectors(double rows, double columns) const;
  // A matrix product.
  DefaultWork product(const Node& node, double rows, double columns, double depth) const;
  // A convolution of int8 tensors, or of float rows that XNNPACK quantizes for int8 weights.
  DefaultWork int8_product(const Node& node, double rows, double columns, double taps,
                           double channels) const;
  // Whether XNNPACK computes a layer in int8, as its weights are.
  bool multiplies_int8(const Node& node) const {
    return graph_.tensors[node.inputs[1]].type == DType::kInt8;
  }
  // A pass over the inputs and the output that overlaps with `vectors` of arithmetic.
  DefaultWork elementwise(const Node& node, double vectors) const {
    return overlapping(node, kElementwise, vectors);
  }
  DefaultWork int8_elementwise(const Node& node) const;
  DefaultWork pixel_move(const Node& node, double vectors) const {
    return overlapping(node, kPixelMove, vectors);
  }

 private:
  DefaultWork overlapping(const Node& node, double factor, double vectors) const {
    return {factor * vectors, touched(node), factor, true, 0};
  }

  const Graph& graph_;
  int lanes_;  // of a vector in XNNPACK's kernels
  // By tensor: whether a convolution reads it with padding, and whether anything else reads it.
  std::vector<bool> convolved_, otherwise_read_;
};

// The work of every operator that takes time. Needs a graph with shapes.
std::vector<DefaultWork> predict_default_work(const Graph& graph);

// Their total time on an otherwise idle machine.
double predict_default_seconds(const std::vector<DefaultWork>& work, const Speed& speed,
                               int threads);

}  // namespace tfsparse
