// How long TFLite's default, XNNPACK, takes for a graph. It cannot be asked or timed from within
// another delegate, so its time is predicted: from what it has to do for each operator, and from
// how fast this processor does such things at this moment.
#pragma once

#include <algorithm>
#include <vector>

#include "delegate/core/assignment/speed.h"
#include "delegate/core/graph/graph.h"

namespace tfsparse {

// What XNNPACK does for one operator.
struct DefaultWork {
  double vectors = 0;       // arithmetic that takes as long as so many vectors of its register tile
  double touched = 0;       // numbers of its inputs and output
  double touch_factor = 1;  // reading and writing them takes this times an element-wise pass
  bool overlapping = false;  // memory and arithmetic at the same time, or one after the other
  double weights = 0;        // numbers that come from wherever the network's weights lie
};

// Costs that several operators share, in vectors of XNNPACK's register tile where nothing else is
// said; those of one operator are in its file. Measured operator by operator on one processor, with
// AVX-512 and with AVX2, then adjusted to the latencies of 33 networks, where caches are colder;
// benchmarks/default_latency.py shows what the prediction is worth on any machine.
constexpr double kTileStart = 4;       // starting and ending a tile, of each of its vectors
constexpr double kExponential = 18;    // a vector of what takes an exponential function
constexpr double kPixelMove = 1.7;     // what moves pixels, times its arithmetic or a pass
constexpr double kElementwise = 1.15;  // other operators likewise

// What operators predict their work from. The graph has its shapes.
class WorkContext {
 public:
  explicit WorkContext(const Graph& graph);

  const Shape& shape(int tensor) const { return graph_.tensors[tensor].shape; }
  double elements(int tensor) const { return static_cast<double>(element_count(shape(tensor))); }
  double channels(int tensor) const {
    return shape(tensor).empty() ? 1 : std::max(1, shape(tensor).back());
  }
  double pixels(int tensor) const { return elements(tensor) / channels(tensor); }
  // Vectors of so many columns.
  double vectors(double columns) const;
  // Numbers of the node's output and of the inputs that are no constants.
  double touched(const Node& node) const;
  // Whether XNNPACK makes the padding that a node does a part of the convolutions behind it.
  bool pads_in_convolution(const Node& pad) const {
    return convolved_[pad.output] && !otherwise_read_[pad.output];
  }

  // Vectors of a matrix product but for its depth.
  double tile_vectors(double rows, double columns) const;
  // A product of matrices.
  DefaultWork product(const Node& node, double rows, double columns, double depth) const;
  // A pass over the inputs and the output, and arithmetic of so many vectors at the same time.
  DefaultWork elementwise(const Node& node, double vectors) const {
    return overlapping(node, kElementwise, vectors);
  }
  DefaultWork pixel_move(const Node& node, double vectors) const {
    return overlapping(node, kPixelMove, vectors);
  }

 private:
  DefaultWork overlapping(const Node& node, double factor, double vectors) const {
    return {factor * vectors, touched(node), factor, true, 0};
  }

  const Graph& graph_;
  int lanes_;                                     // of XNNPACK's kernels
  std::vector<bool> convolved_, otherwise_read_;  // tensors: as a padded image, or in any other way
};

// Of every operator that takes any time, on this processor. The graph has its shapes.
std::vector<DefaultWork> predict_default_work(const Graph& graph);

// The time of all of them, where nothing else runs on the machine.
double predict_default_seconds(const std::vector<DefaultWork>& work, const Speed& speed,
                               int threads);

}  // namespace tfsparse
