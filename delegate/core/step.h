// One unit of work of a plan, and the words it speaks with its makers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delegate/core/elements.h"
#include "delegate/core/graph.h"
#include "delegate/core/threads.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

constexpr int kGrain = 4096;  // elements that are worth waking a thread for

// The number of a value: see values.h. Its memory may be the caller's.
struct Value {
  int number = -1;
  bool exists() const { return number >= 0; }
};

// That of a value in the plan's own memory. Values::padded makes them.
class PaddedValue : public Value {
 public:
  PaddedValue() = default;

 private:
  friend class Values;
  explicit PaddedValue(int number) : Value{number} {}
};

// Where the values are while a plan runs.
class ValueTable {
 public:
  Elements operator[](Value value) const { return all_[value.number]; }
  PaddedElements operator[](PaddedValue value) const { return own_[value.number]; }

  // The values of the plan's own memory, a null pointer in the places of the others.
  explicit ValueTable(std::vector<PaddedElements> own = {})
      : own_(std::move(own)), all_(own_.begin(), own_.end()) {}
  void set(Value value, Elements elements) { all_[value.number] = elements; }

 private:
  std::vector<PaddedElements> own_;
  std::vector<Elements> all_;
};

// What a step finds when it runs.
struct RunContext {
  const ValueTable& values;
  const PaddedElements* scratch;  // of each worker
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
  std::uint64_t scratch = 0;                               // elements needed by each worker
  std::vector<Value> reads;
  std::vector<Value> writes;
};

// An image value: channels lie in planes `stride` elements apart, images `channels * stride`.
struct Planes {
  int batch = 0, height = 0, width = 0, channels = 0;
  std::uint64_t stride = 0;

  int pixels() const { return height * width; }
  std::uint64_t image() const { return channels * stride; }
  std::uint64_t elements() const { return batch * image(); }
};

// The layout of a tensor as planes: of [batch, height, width, channels] as it says, else of one
// image, whose pixels are all the rows of the last dimension. An empty tensor, some of whose other
// sizes may be too large to be multiplied, has no planes.
Planes planes_of(const Shape& shape);

// Whether a tensor has planes of its own: those of a single pixel are in TFLite's order already.
bool is_image(const Shape& shape);

// Whether the planes of two tensors of as many elements hold these in the same order.
bool have_same_planes(const Shape& a, const Shape& b);

// Elements between planes of `pixels`. A single pixel is packed, so that the planes of a 1x1 image
// are a plain vector. Otherwise an odd number of cache lines, which spreads the channels of one
// pixel tile over all sets of the cache.
std::uint64_t plane_stride(std::uint64_t pixels);

// The makers of steps, one a family of operators; row_step.h has more, also of dense layers over
// several rows.
Status make_fully_connected(const Graph& graph, const Node& node, const Kernels& kernels, Value x,
                            Value y, std::unique_ptr<Step>* step);

// Where an element-wise operand comes from: a value, or a constant's values.
struct Operand {
  Value value;
  std::vector<float> constant;
  Shape shape;
};
std::unique_ptr<Step> make_unary(const Node& node, Value x, Value y, std::size_t elements);
// Both operands and the result in planes, or an operand with one element a channel of each image.
std::unique_ptr<Step> make_binary_planes(const Node& node, Operand a, Operand b, Value y,
                                         const Planes& planes, const Kernels& kernels);
// All in TFLite's order, any shapes that broadcast.
std::unique_ptr<Step> make_binary_flat(const Node& node, Operand a, Operand b, Value y,
                                       const Shape& shape, const Kernels& kernels);

std::unique_ptr<Step> make_softmax(Value x, Value y, int rows, int depth, float beta);
std::unique_ptr<Step> make_pool(const Node& node, Value x, const Planes& x_planes, Value y,
                                const Planes& y_planes, const Kernels& kernels);
std::unique_ptr<Step> make_resize(const Node& node, Value x, const Planes& x_planes, Value y,
                                  const Planes& y_planes, const Kernels& kernels);
// Between the float32 values of the graph's inputs and outputs and those of the plan.
std::unique_ptr<Step> make_from_floats(Value x, Value y, std::size_t count);
std::unique_ptr<Step> make_to_floats(Value x, Value y, std::size_t count);
std::unique_ptr<Step> make_to_planes(Value x, Value y, const Planes& planes);
std::unique_ptr<Step> make_from_planes(Value x, Value y, const Planes& planes);

// Adds zeros around the pixels, and whole planes of zeros.
std::unique_ptr<Step> make_pad_planes(const Node& node, Value x, const Planes& x_planes, Value y,
                                      const Planes& y_planes);

// A dimension of what is copied: its size, and the elements from one index to the next.
struct CopyDim {
  int size = 0;
  std::ptrdiff_t from = 0, to = 0;
};
struct StridedCopy {
  Value from;
  std::vector<float> constant;  // where there is none
  std::ptrdiff_t from_offset = 0, to_offset = 0;
  std::vector<CopyDim> dims;
};
// Each copy writes a part of the value y.
std::unique_ptr<Step> make_strided_copies(const char* kernel, std::vector<StridedCopy> copies,
                                          Value y, const Kernels& kernels);

// Averages or adds up the pixels of each plane.
std::unique_ptr<Step> make_reduction_planes(const Node& node, Value x, const Planes& planes,
                                            Value y);
// All in TFLite's order, over any axes.
std::unique_ptr<Step> make_reduction_flat(const Node& node, Value x, const Shape& shape, Value y,
                                          const Kernels& kernels);

}  // namespace tfsparse
