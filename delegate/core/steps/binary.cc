#include "delegate/core/steps/binary.h"

#include <algorithm>
#include <utility>

#include "delegate/core/plan/memory.h"

namespace tfsparse {
namespace {

// An operand of BinaryChw.
struct ChwOperand {
  Value value;
  Buffer constant;
  std::uint64_t image_step = 0, channel_step = 0;  // strides in elements
  int pixel_step = 0;                              // 0 repeats one element for the whole plane

  Elements at(const RunContext& context, int image, int channel) const {
    const Elements base = value.exists() ? context.values[value] : constant.data();
    return base + image * image_step + channel * channel_step;
  }
};

class BinaryChw : public Step {
 public:
  void run(const RunContext& context) const override {
    const Elements y = context.values[writes[0]];
    const int planes = chw_.batch * chw_.channels;
    context.pool.parallel_for(planes, 1, [&](int begin, int end, int) {
      for (int plane = begin; plane < end; ++plane) {
        const int image = plane / chw_.channels, channel = plane % chw_.channels;
        context.kernels.binary({op_, a_.at(context, image, channel), b_.at(context, image, channel),
                                a_.pixel_step, b_.pixel_step, y + plane * chw_.stride,
                                static_cast<std::size_t>(chw_.pixels()), epilogue_});
      }
    });
  }

  Binary op_;
  Epilogue epilogue_;
  ChwLayout chw_;
  ChwOperand a_, b_;
};

// Computes in TFLite's order. The innermost dimensions in which each operand is contiguous or a
// single value are one kernel call. The outer dimensions are a loop.
class BinaryFlat : public Step {
 public:
  void run(const RunContext& context) const override {
    const Elements a = reads_a_.exists() ? context.values[reads_a_] : a_.data();
    const Elements b = reads_b_.exists() ? context.values[reads_b_] : b_.data();
    const Elements y = context.values[writes[0]];
    context.pool.parallel_for(outer_, std::max(1, kGrain / inner_), [&](int begin, int end, int) {
      for (int i = begin; i < end; ++i) {
        std::size_t at_a = 0, at_b = 0;
        for (int left = i, dim = static_cast<int>(sizes_.size()); dim-- > 0;) {
          at_a += left % sizes_[dim] * a_strides_[dim];
          at_b += left % sizes_[dim] * b_strides_[dim];
          left /= sizes_[dim];
        }
        context.kernels.binary({op_, a + at_a, b + at_b, a_step_, b_step_,
                                y + static_cast<std::size_t>(i) * inner_,
                                static_cast<std::size_t>(inner_), epilogue_});
      }
    });
  }

  Binary op_;
  Epilogue epilogue_;
  Value reads_a_, reads_b_;
  Buffer a_, b_;  // constant operands
  int outer_ = 1, inner_ = 1, a_step_ = 1, b_step_ = 1;
  std::vector<int> sizes_;  // of the outer dimensions
  std::vector<std::size_t> a_strides_, b_strides_;
};

// The operand's stride in elements along each dimension of `shape`; 0 where it is broadcast.
std::vector<std::size_t> broadcast_strides(const Shape& operand, const Shape& shape) {
  std::vector<std::size_t> strides(shape.size(), 0);
  std::size_t stride = 1;
  for (std::size_t i = 0; i < operand.size(); ++i) {
    const std::size_t dim = operand.size() - 1 - i;
    if (operand[dim] != 1) strides[shape.size() - 1 - i] = stride;
    stride *= operand[dim];
  }
  return strides;
}

// Repeats a constant that is shorter than the last dimensions of `shape`, so that each kernel call
// covers enough elements to be worth its overhead.
void widen_constant(Operand* operand, const Shape& shape) {
  constexpr int kEnough = 512;
  while (!operand->constant.empty() && !operand->shape.empty() &&
         element_count(operand->shape) > 1 && element_count(operand->shape) < kEnough) {
    const std::size_t rank = operand->shape.size();
    std::size_t dim = rank;  // the innermost broadcast dimension
    while (dim > 0 && operand->shape[dim - 1] == shape[shape.size() - rank + dim - 1]) --dim;
    if (dim == 0) return;
    const int times = shape[shape.size() - rank + dim - 1];
    // Only a constant whose dimensions outside `dim` are all 1 can be repeated as one block.
    if (std::any_of(operand->shape.begin(), operand->shape.begin() + dim,
                    [](int size) { return size != 1; }) ||
        element_count(operand->shape) * times > 1 << 16) {
      return;
    }
    const std::vector<float> block = operand->constant;
    for (int i = 1; i < times; ++i) {
      operand->constant.insert(operand->constant.end(), block.begin(), block.end());
    }
    operand->shape[dim - 1] = times;
  }
}

}  // namespace

std::unique_ptr<Step> make_binary_chw(Binary op, const Epilogue& epilogue, Operand a, Operand b,
                                      Value y, const ChwLayout& chw, const Kernels& kernels) {
  auto step = std::make_unique<BinaryChw>();
  step->op_ = op;
  step->epilogue_ = epilogue;
  step->chw_ = chw;
  step->writes = {y};
  step->parts[0].kernel = "elementwise";
  const auto plan = [&](Operand& operand, ChwOperand* result) {
    const std::int64_t elements = element_count(operand.shape);
    if (elements == static_cast<std::int64_t>(chw.batch) * chw.pixels() * chw.channels &&
        operand.value.exists()) {
      result->channel_step = chw.stride;
      result->image_step = chw.image();
      result->pixel_step = 1;
    } else if (elements > 1) {
      result->channel_step = 1;
      result->image_step = elements > chw.channels ? chw.channels : 0;
    }
    result->value = operand.value;
    result->constant = to_elements(operand.constant, kernels);
    if (operand.value.exists()) step->reads.push_back(operand.value);
  };
  plan(a, &step->a_);
  plan(b, &step->b_);
  return step;
}

std::unique_ptr<Step> make_binary_flat(Binary op, const Epilogue& epilogue, Operand a, Operand b,
                                       Value y, const Shape& shape, const Kernels& kernels) {
  widen_constant(&a, shape);
  widen_constant(&b, shape);
  auto step = std::make_unique<BinaryFlat>();
  step->op_ = op;
  step->epilogue_ = epilogue;
  step->writes = {y};
  step->parts[0].kernel = "elementwise";
  const std::vector<std::size_t> a_strides = broadcast_strides(a.shape, shape);
  const std::vector<std::size_t> b_strides = broadcast_strides(b.shape, shape);

  // Extend the kernel's run outwards while each operand keeps the same step.
  std::size_t outer_dims = shape.size();
  std::size_t run = 1;
  const auto continues = [&](std::size_t stride, int step_so_far) {
    return step_so_far < 0 ? stride <= 1 : stride == (step_so_far == 0 ? 0 : run);
  };
  int a_step = -1, b_step = -1;
  while (outer_dims > 0) {
    const std::size_t dim = outer_dims - 1;
    if (shape[dim] != 1) {
      if (!continues(a_strides[dim], a_step) || !continues(b_strides[dim], b_step)) break;
      a_step = a_strides[dim] != 0;
      b_step = b_strides[dim] != 0;
      run *= shape[dim];
    }
    --outer_dims;
  }
  step->inner_ = static_cast<int>(run);
  step->a_step_ = std::max(a_step, 0);
  step->b_step_ = std::max(b_step, 0);
  for (std::size_t dim = 0; dim < outer_dims; ++dim) {
    step->outer_ *= shape[dim];
    step->sizes_.push_back(shape[dim]);
    step->a_strides_.push_back(a_strides[dim]);
    step->b_strides_.push_back(b_strides[dim]);
  }
  if (step->inner_ == 0) {
    step->outer_ = 0;
    step->inner_ = 1;
  }

  step->reads_a_ = a.value;
  step->reads_b_ = b.value;
  for (Value value : {a.value, b.value}) {
    if (value.exists()) step->reads.push_back(value);
  }
  step->a_ = to_elements(a.constant, kernels);
  step->b_ = to_elements(b.constant, kernels);
  return step;
}

}  // namespace tfsparse
