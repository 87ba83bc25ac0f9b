// SUM and MEAN.
#include <algorithm>

#include "delegate/core/step.h"

namespace tfsparse {
namespace {

// Some dimensions of a tensor, counted through as one.
class Counter {
 public:
  void add_outer(int size, std::size_t stride) {
    sizes_.push_back(size);
    strides_.push_back(stride);
    count_ *= size;
  }
  int count() const { return count_; }
  // Elements from the tensor's start to the i-th combination of indices.
  std::size_t offset(int i) const {
    std::size_t offset = 0;
    for (std::size_t dim = 0; dim < sizes_.size(); ++dim) {
      offset += i % sizes_[dim] * strides_[dim];
      i /= sizes_[dim];
    }
    return offset;
  }

 private:
  std::vector<int> sizes_;  // the innermost first
  std::vector<std::size_t> strides_;
  int count_ = 1;
};

class ReductionPlanes : public Step {
 public:
  void run(const RunContext& context) const override {
    const Elements x = context.values[reads[0]], y = context.values[writes[0]];
    const int count = planes_.batch * planes_.channels;
    context.pool.parallel_for(count, 16, [&](int begin, int end, int) {
      for (int plane = begin; plane < end; ++plane) {
        const float sum = context.kernels.sum(x + plane * planes_.stride, planes_.pixels());
        const float result = mean_ ? sum / planes_.pixels() : sum;
        context.kernels.from_floats(&result, y + plane, 1);
      }
    });
  }

  Planes planes_;
  bool mean_ = false;
};

// The innermost run of elements is either added up to one output, or added to a run of outputs.
class ReductionFlat : public Step {
 public:
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

  std::size_t outputs() const { return run_is_kept_ ? run_ : 1; }  // of a run

  Counter kept_, reduced_;  // but for the run
  std::size_t run_ = 1;
  bool run_is_kept_ = true, mean_ = false;

 private:
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
};

template <class Reduction>
std::unique_ptr<Reduction> make_step(const Node& node, Value x, Value y) {
  auto step = std::make_unique<Reduction>();
  step->mean_ = node.reduction == tfsparse::Reduction::kMean;
  step->parts[0].kernel = step->mean_ ? "mean" : "sum";
  step->reads = {x};
  step->writes = {y};
  return step;
}

}  // namespace

std::unique_ptr<Step> make_reduction_planes(const Node& node, Value x, const Planes& planes,
                                            Value y) {
  auto step = make_step<ReductionPlanes>(node, x, y);
  step->planes_ = planes;
  return step;
}

std::unique_ptr<Step> make_reduction_flat(const Node& node, Value x, const Shape& shape, Value y,
                                          const Kernels& kernels) {
  auto step = make_step<ReductionFlat>(node, x, y);
  // Of an empty tensor nothing is read. Its reduced sizes may be too large to be multiplied.
  const bool is_empty = element_count(shape) == 0;
  if (is_empty) step->reduced_.add_outer(0, 0);
  bool has_run = false;
  std::size_t stride = 1;
  for (int dim = static_cast<int>(shape.size()); dim-- > 0; stride *= shape[dim]) {
    const bool kept = std::find(node.axes.begin(), node.axes.end(), dim) == node.axes.end();
    if (shape[dim] == 1 || (is_empty && !kept)) continue;
    const bool extends_run = stride == step->run_ && kept == step->run_is_kept_;
    if (!has_run || extends_run) {
      step->run_ *= shape[dim];
      step->run_is_kept_ = kept;
      has_run = true;
    } else {
      (kept ? step->kept_ : step->reduced_).add_outer(shape[dim], stride);
    }
  }
  step->scratch = step->outputs() * sizeof(float) / kernels.element_bytes;
  return step;
}

}  // namespace tfsparse
