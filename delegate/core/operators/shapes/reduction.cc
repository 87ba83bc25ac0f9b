#include "delegate/core/operators/shapes/reduction.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/lambda_step.h"
#include "delegate/core/weights/int8_product.h"

namespace tfsparse {
namespace {

// Enumerates the index combinations of some dimensions.
class Counter {
 public:
  void add_outer(int size, std::size_t stride) {
    sizes_.push_back(size);
    strides_.push_back(stride);
    count_ *= size;
  }
  int count() const { return count_; }
  // Elements from the start of the tensor to the i-th combination.
  std::size_t offset(int i) const {
    std::size_t offset = 0;
    for (std::size_t dim = 0; dim < sizes_.size(); ++dim) {
      offset += i % sizes_[dim] * strides_[dim];
      i /= sizes_[dim];
    }
    return offset;
  }

 private:
  std::vector<int> sizes_;  // innermost first
  std::vector<std::size_t> strides_;
  int count_ = 1;
};

class ReductionChw : public Step {
 public:
  ReductionChw(const ChwLayout& chw, bool mean) : chw_(chw), mean_(mean) {}

  void run(const RunContext& context) const override {
    const Elements x = context.values[reads[0]], y = context.values[writes[0]];
    const int count = chw_.batch * chw_.channels;
    context.pool.parallel_for(count, 16, [&](int begin, int end, int) {
      for (int plane = begin; plane < end; ++plane) {
        const float sum = context.kernels.sum(x + plane * chw_.stride, chw_.pixels());
        const float result = mean_ ? sum / chw_.pixels() : sum;
        context.kernels.from_floats(&result, y + plane, 1);
      }
    });
  }

 private:
  ChwLayout chw_;
  bool mean_;
};

// Processes contiguous runs of elements. A run is summed into one output if its dimensions are
// reduced, or added element-wise to a run of outputs if they are kept.
class ReductionFlat : public Step {
 public:
  ReductionFlat(const Shape& shape, const std::vector<int>& axes, bool mean) : mean_(mean) {
    // An empty tensor is not read. The product of its reduced sizes may overflow.
    const bool is_empty = element_count(shape) == 0;
    if (is_empty) reduced_.add_outer(0, 0);
    bool has_run = false;
    std::size_t stride = 1;
    for (int dim = static_cast<int>(shape.size()); dim-- > 0; stride *= shape[dim]) {
      const bool kept = std::find(axes.begin(), axes.end(), dim) == axes.end();
      if (shape[dim] == 1 || (is_empty && !kept)) continue;
      const bool extends_run = stride == run_ && kept == run_is_kept_;
      if (!has_run || extends_run) {
        run_ *= shape[dim];
        run_is_kept_ = kept;
        has_run = true;
      } else {
        (kept ? kept_ : reduced_).add_outer(shape[dim], stride);
      }
    }
    scratch_bytes = outputs() * sizeof(float);
  }

  void run(const RunContext& context) const override {
    const Elements x = context.values[reads[0]], y = context.values[writes[0]];
    context.pool.parallel_for(kept_.count(), 1, [&](int begin, int end, int worker) {
      auto* sums = static_cast<float*>(static_cast<void*>(context.scratch[worker]));
      for (int i = begin; i < end; ++i) {
        reduce(context, x + kept_.offset(i), sums);
        context.kernels.from_floats(sums, y + i * outputs(), outputs());
      }
    });
  }

 private:
  std::size_t outputs() const { return run_is_kept_ ? run_ : 1; }  // per run

  void reduce(const RunContext& context, Elements x, float* sums) const {
    std::fill_n(sums, outputs(), 0.0f);
    for (int i = 0; i < reduced_.count(); ++i) {
      const Elements from = x + reduced_.offset(i);
      if (run_is_kept_) {
        context.kernels.accumulate(from, sums, run_);
      } else {
        *sums += context.kernels.sum(from, run_);
      }
    }
    if (!mean_) return;
    const float count = static_cast<float>(reduced_.count()) * (run_is_kept_ ? 1 : run_);
    for (std::size_t i = 0; i < outputs(); ++i) sums[i] /= count;
  }

  Counter kept_, reduced_;  // without the run's dimensions
  std::size_t run_ = 1;
  bool run_is_kept_ = true, mean_;
};

}  // namespace

// What a sum of codes is multiplied by.
double Reduce::multiplier(const Tensor& input, const Tensor& output) const {
  const double pixels = reduction == Reduction::kMean ? quad_layout(input.shape).pixels() : 1;
  return static_cast<double>(input.quantization->scale()) / output.quantization->scale() / pixels;
}

std::string Reduce::unsupported_because(const SupportContext& context, const Node& node) const {
  return unsupported_parameters(context, node);
}

bool Reduce::computes_in(DType type) const { return is_float32_or_int8(type); }

// There is a kernel only for the pixels of images, as long as the sums fit 32 bits.
bool Reduce::widens_int8(const Graph& graph, const Node& node) const {
  const Tensor& input = graph.tensors[node.inputs[0]];
  if (input.shape.size() != 4 || axes != std::vector<int>{1, 2}) return true;
  constexpr double kMostOfOne = 512;  // a code minus a zero point, and the kernels' offset
  const double most = kMostOfOne * quad_layout(input.shape).pixels();
  const double factor = multiplier(input, graph.tensors[node.output]);
  return most * std::max(1.0, factor) > std::numeric_limits<std::int32_t>::max();
}

Status Reduce::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  Ints given;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &given));
  std::vector<bool> reduced(x.size(), false);
  for (std::int64_t axis : given) {
    int dim = 0;
    if (!normalize_axis(axis, x.size(), &dim)) {
      return Status::error("has no axis " + std::to_string(axis) + " in " + to_string(x));
    }
    reduced[dim] = true;
  }
  Shape shape;
  axes.clear();
  for (std::size_t dim = 0; dim < x.size(); ++dim) {
    if (reduced[dim]) axes.push_back(static_cast<int>(dim));
    if (!reduced[dim] || keep_dims) shape.push_back(reduced[dim] ? 1 : x[dim]);
  }
  context->set_out(node, shape);
  return {};
}

Status Reduce::build(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const Shape& shape = builder->shape(node.inputs[0]);
  const bool over_pixels = shape.size() == 4 && axes == std::vector<int>{1, 2};
  const bool in_chw = over_pixels && values.has_chw(node.inputs[0]);
  const Value x = values.get(node.inputs[0], in_chw);
  const Value y = values.define_flat(node.output);
  std::unique_ptr<Step> step;
  const bool mean = reduction == Reduction::kMean;
  if (in_chw) {
    step = std::make_unique<ReductionChw>(chw_layout(shape), mean);
  } else {
    step = std::make_unique<ReductionFlat>(shape, axes, mean);
  }
  step->parts[0].kernel = mean ? "mean" : "sum";
  step->reads = {x};
  step->writes = {y};
  builder->add(std::move(step), node);
  return {};
}

Status Reduce::build_int8(PlanBuilder* builder, const Node& node) const {
  const Tensor &input = builder->tensor(node.inputs[0]), &output = builder->tensor(node.output);
  const QuadLayout from = quad_layout(input.shape), to = quad_layout(output.shape);
  const bool mean = reduction == Reduction::kMean;
  int8::MeanArgs args{};
  args.x_stride = from.stride;
  args.y_stride = to.stride;
  args.n = from.pixels();
  args.bias = -args.n * (input.quantization->zero_point() + builder->int8_kernels().flip);
  args.multiplier = static_cast<float>(multiplier(input, output));
  args.output = output_of(output, Epilogue());
  const Value x = builder->values().chw(node.inputs[0]);
  const Value y = builder->values().define_chw(node.output);
  // Without its dimensions of 1, the output is one image with a pixel for each of the input's.
  const std::uint64_t image_step = to.batch == from.batch ? to.image() : int8::kQuad;
  const auto run = [=](const RunContext& context) {
    for (int image = 0; image < from.batch; ++image) {
      context.pool.parallel_for(from.quads(), 16, [&](int begin, int end, int) {
        int8::MeanArgs planes = args;
        planes.x = bytes(context.values[x]) + image * from.image() + begin * from.stride;
        planes.y = bytes(context.values[y]) + image * image_step + begin * to.stride;
        planes.quads = end - begin;
        context.int8_kernels.mean(planes);
      });
    }
  };
  builder->add(make_step(mean ? "int8 mean" : "int8 sum", x, y, run), node);
  return {};
}

void Reduce::hash(Hasher* hasher) const { hasher->add(reduction, keep_dims, axes); }

}  // namespace tfsparse
