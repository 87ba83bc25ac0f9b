// One unit of work of a plan, and the words it speaks with its makers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "delegate/core/elements.h"
#include "delegate/core/graph.h"
#include "delegate/core/threads.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

constexpr int kGrain = 4096;  // elements that are worth waking a thread for

// What a step finds when it runs.
struct RunContext {
  const Elements* values;   // start of every value, by its index
  const Elements* scratch;  // of each worker
  const Kernels& kernels;
  ThreadPool& pool;
  double* part_seconds;  // where a step of several parts adds their times, or null
};

// What computes one node of the graph.
struct StepPart {
  int node_id = -1;    // the caller's number of the node; -1 for a layout change
  std::string kernel;  // for reports
  double macs = 0;     // multiply-adds done, zeros skipped
};

class Step {
 public:
  virtual ~Step() = default;
  virtual void run(const RunContext& context) const = 0;

  std::vector<StepPart> parts = std::vector<StepPart>(1);  // more where nodes are fused
  std::size_t scratch = 0;                                 // elements needed by each worker
  std::vector<int> reads;                                  // values
  std::vector<int> writes;
};

// An image value: channels lie in planes `stride` elements apart, images `channels * stride`.
struct Planes {
  int batch = 0, height = 0, width = 0, channels = 0;
  std::size_t stride = 0;

  int pixels() const { return height * width; }
  std::size_t image() const { return channels * stride; }
  std::size_t elements() const { return batch * image(); }
};

// The layout of a tensor as planes: of [batch, height, width, channels] as it says, else of one
// image, whose pixels are all the rows of the last dimension.
Planes planes_of(const Shape& shape);

// Whether a tensor has planes of its own: those of a single pixel are in TFLite's order already.
bool is_image(const Shape& shape);

// Whether the planes of two tensors of as many elements hold these in the same order.
bool have_same_planes(const Shape& a, const Shape& b);

// Elements between planes of `pixels`. A single pixel is packed, so that the planes of a 1x1 image
// are a plain vector. Otherwise an odd number of cache lines, which spreads the channels of one
// pixel tile over all sets of the cache.
std::size_t plane_stride(std::size_t pixels);

// The makers of steps, one a family of operators; row_step.h has more, also of dense layers over
// several rows.
Status make_fully_connected(const Graph& graph, const Node& node, const Kernels& kernels, int x,
                            int y, std::unique_ptr<Step>* step);

// Where an element-wise operand comes from: a value, or a constant's values.
struct Operand {
  int value = -1;
  std::vector<float> constant;
  Shape shape;
};
std::unique_ptr<Step> make_unary(const Node& node, int x, int y, std::size_t elements);
// Both operands and the result in planes, or an operand with one element a channel of each image.
std::unique_ptr<Step> make_binary_planes(const Node& node, Operand a, Operand b, int y,
                                         const Planes& planes, const Kernels& kernels);
// All in TFLite's order, any shapes that broadcast.
std::unique_ptr<Step> make_binary_flat(const Node& node, Operand a, Operand b, int y,
                                       const Shape& shape, const Kernels& kernels);

std::unique_ptr<Step> make_softmax(int x, int y, int rows, int depth, float beta);
std::unique_ptr<Step> make_pool(const Node& node, int x, const Planes& x_planes, int y,
                                const Planes& y_planes, const Kernels& kernels);
std::unique_ptr<Step> make_resize(const Node& node, int x, const Planes& x_planes, int y,
                                  const Planes& y_planes, const Kernels& kernels);
// Between the float32 values of the graph's inputs and outputs and those of the plan.
std::unique_ptr<Step> make_from_floats(int x, int y, std::size_t count);
std::unique_ptr<Step> make_to_floats(int x, int y, std::size_t count);
std::unique_ptr<Step> make_to_planes(int x, int y, const Planes& planes);
std::unique_ptr<Step> make_from_planes(int x, int y, const Planes& planes);

// Adds zeros around the pixels, and whole planes of zeros.
std::unique_ptr<Step> make_pad_planes(const Node& node, int x, const Planes& x_planes, int y,
                                      const Planes& y_planes);

// A dimension of what is copied: its size, and the elements from one index to the next.
struct CopyDim {
  int size = 0;
  std::ptrdiff_t from = 0, to = 0;
};
struct StridedCopy {
  int from = -1;                // value
  std::vector<float> constant;  // where there is none
  std::ptrdiff_t from_offset = 0, to_offset = 0;
  std::vector<CopyDim> dims;
};
// Each copy writes a part of the value y.
std::unique_ptr<Step> make_strided_copies(const char* kernel, std::vector<StridedCopy> copies,
                                          int y, const Kernels& kernels);

// Averages or adds up the pixels of each plane.
std::unique_ptr<Step> make_reduction_planes(const Node& node, int x, const Planes& planes, int y);
// All in TFLite's order, over any axes.
std::unique_ptr<Step> make_reduction_flat(const Node& node, int x, const Shape& shape, int y,
                                          const Kernels& kernels);

}  // namespace tfsparse
