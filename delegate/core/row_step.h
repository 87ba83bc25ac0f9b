// Steps that can compute some rows of their output at a time, and chains of them.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/step.h"

namespace tfsparse {

struct Rows {
  int begin = 0, end = 0;
  int count() const { return end - begin; }
};

// Rows of planes that lie somewhere: row r of channel c at base + c * stride + (r - first) * width.
struct RowsView {
  PaddedElements base;
  std::uint64_t stride = 0;
  int first = 0;
};

class RowStep : public Step {
 public:
  // What is done for an image before any of its rows.
  virtual void begin_image(const RunContext&, int /*image*/) const {}
  // The input rows that output rows are made from, within the input.
  virtual Rows input_rows(Rows output) const = 0;
  // Computes output rows of all channels, on the calling thread.
  virtual void run_rows(const RunContext& context, int image, Rows output, const RowsView& x,
                        const RowsView& y, PaddedElements scratch) const = 0;

  Planes x_planes, y_planes;
  // The planes themselves; none within a chain, nor where TFLite's order is read.
  PaddedValue x_value, y_value;
};

// Where a step reads: planes or, which a bordered convolution may, TFLite's order, [height, width,
// channels]. Neither within a chain.
struct RowInput {
  PaddedValue value;
  Value flat;
  Planes planes;  // stride holds for `value` only
};
// `border` is a value of `convolution_border` elements, or none where that is 0.
Status make_convolution(const Graph& graph, const Node& node, const RowInput& x, PaddedValue y,
                        const Planes& y_planes, PaddedValue residual, PaddedValue border,
                        const Kernels& kernels, std::unique_ptr<RowStep>* step);
// Elements of the bordered copy of one image that the convolution wants; 0 for a 1x1 convolution
// that reads the planes themselves.
std::uint64_t convolution_border(const Graph& graph, const Node& node);

Status make_depthwise(const Graph& graph, const Node& node, const RowInput& x, PaddedValue y,
                      const Planes& y_planes, const Kernels& kernels,
                      std::unique_ptr<RowStep>* step);

// How the strips of a chain lie in memory.
struct StripPlan {
  int rows = 0;                 // of the last output in one strip
  std::vector<Planes> between;  // the strip of every output but the last
  std::uint64_t elements = 0;   // of all of them
};

// One operator of a chain: its window over rows and the size of its output.
struct RowWindow {
  int kernel = 1, stride = 1, dilation = 1;
  Planes output;
};

// Plans the widest strips that stay within the second-level cache; rows is 0 where none do.
StripPlan plan_strips(const std::vector<RowWindow>& windows, std::size_t element_bytes);

// Steps in a chain at most: then a walk down an image needs no memory of its own.
constexpr std::size_t kLongestChain = 16;

// Runs steps one behind the other, strip by strip of rows, so that what one writes is still in the
// cache when the next reads it. What lies between them is in the worker's scratch. No row is
// computed twice by one worker.
std::unique_ptr<Step> make_strips(std::vector<std::unique_ptr<RowStep>> steps,
                                  const StripPlan& plan);

}  // namespace tfsparse
