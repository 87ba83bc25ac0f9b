#include "delegate/core/steps/int8/binary.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "delegate/core/operators/elementwise/binary.h"
#include "delegate/core/plan/memory.h"
#include "delegate/core/weights/int8_product.h"

namespace tfsparse {
namespace {

bool is_whole(const Tensor& operand, const Tensor& y) {
  return operand.shape == y.shape && !operand.is_constant();
}

// Whether an operand has one element per channel, for all images of y or for each of them. A single
// number can be repeated for all channels only if it is a constant.
bool is_per_channel(const Tensor& operand, const Shape& y) {
  const Shape& shape = operand.shape;
  const std::int64_t count = element_count(shape);
  if (y.empty() || count == 0) return false;
  if (count == 1) return operand.is_constant() || y.back() == 1;
  const bool for_each = shape.size() == 4 && y.size() == 4 && shape[0] == y[0] && shape[1] == 1 &&
                        shape[2] == 1 && shape[3] == y[3];
  return is_one_per_channel(shape, y) || for_each;
}

// The arithmetic of a sum, a difference or a product. Returns false if there is none.
struct Arithmetic {
  int8::Add add;
  int8::Multiply multiply;
  bool multiplies = false;

  bool set(const BinaryOperator& op, const Tensor& a, const Tensor& b, const Tensor& y) {
    const int8::Output output = output_of(y, op.epilogue);
    const Quantization &p = *a.quantization, &q = *b.quantization;
    const float scale = y.quantization->scale();
    multiplies = op.binary == Binary::kMul;
    switch (op.binary) {
      case Binary::kAdd:
        return make_add(a, b, y, op.epilogue, &add);
      case Binary::kSub:
        return int8::subtract_of(p.scale(), p.zero_point(), q.scale(), q.zero_point(), scale,
                                 output, &add);
      case Binary::kMul:
        return int8::multiply_of(p.scale(), p.zero_point(), q.scale(), q.zero_point(), scale,
                                 output, &multiply);
      default:
        return false;
    }
  }

  void swap_operands() {
    std::swap(add.zero_a, add.zero_b);
    std::swap(add.multiplier_a, add.multiplier_b);
    std::swap(multiply.zero_a, multiply.zero_b);
  }
};

class Int8BinaryStep : public Step {
 public:
  explicit Int8BinaryStep(const QuadLayout& y) : y_(y) {}

  void run(const RunContext& context) const override {
    const std::int8_t* a = bytes(context.values[a_]);
    std::int8_t* y = bytes(context.values[writes[0]]);
    if (!b_is_per_channel_) {
      const std::int8_t* b = bytes(context.values[b_]);
      const int quads = static_cast<int>(y_.bytes() / int8::kQuad);  // with the gaps
      context.pool.parallel_for(quads, kGrain / int8::kQuad, [&](int begin, int end, int) {
        const std::ptrdiff_t first = std::ptrdiff_t{begin} * int8::kQuad;
        compute(context, a + first, b + first, y + first, end - begin);
      });
      return;
    }
    const std::int8_t* b = bytes(b_.exists() ? context.values[b_] : constant_.data());
    context.pool.parallel_for(y_.batch * y_.quads(), 1, [&](int begin, int end, int) {
      for (int plane = begin; plane < end; ++plane) {
        const int quad = b_is_per_image_ ? plane : plane % y_.quads();
        const std::uint64_t first = plane * y_.stride;
        compute(context, a + first, b + std::ptrdiff_t{quad} * int8::kQuad, y + first, y_.pixels());
      }
    });
  }

  Arithmetic arithmetic_;
  Value a_, b_;      // a is whole
  Buffer constant_;  // b, if the value is unset
  bool b_is_per_channel_ = false, b_is_per_image_ = false;

 private:
  void compute(const RunContext& context, const std::int8_t* a, const std::int8_t* b,
               std::int8_t* y, int quads) const {
    const std::size_t count = static_cast<std::size_t>(quads);
    if (arithmetic_.multiplies) {
      context.int8_kernels.multiply({a, b, y, count, arithmetic_.multiply, b_is_per_channel_});
    } else {
      context.int8_kernels.add({a, b, y, count, arithmetic_.add, b_is_per_channel_});
    }
  }

  QuadLayout y_;
};

// A constant's quads as the kernels keep codes.
Status read_quads(const Tensor& tensor, int channels, int flip, Buffer* quads) {
  std::vector<std::int8_t> codes;
  TFSPARSE_RETURN_IF_ERROR(read_int8(tensor, &codes));
  if (codes.size() == 1) codes.resize(channels, codes.front());
  *quads = Buffer((codes.size() + int8::kQuad - 1) / int8::kQuad * int8::kQuad, 1);
  std::transform(codes.begin(), codes.end(), bytes(quads->data()),
                 [&](std::int8_t code) { return static_cast<std::int8_t>(code ^ flip); });
  return {};
}

}  // namespace

bool has_int8_binary(const Graph& graph, const Node& node) {
  const Tensor &a = graph.tensors[node.inputs[0]], &b = graph.tensors[node.inputs[1]];
  const Tensor& y = graph.tensors[node.output];
  Arithmetic arithmetic;
  return ((is_whole(a, y) && (is_whole(b, y) || is_per_channel(b, y.shape))) ||
          (is_whole(b, y) && is_per_channel(a, y.shape))) &&
         arithmetic.set(*as<BinaryOperator>(node), a, b, y);
}

Status add_int8_binary(PlanBuilder* builder, const Node& node) {
  Values& values = builder->values();
  const Tensor& y = builder->tensor(node.output);
  int a = node.inputs[0], b = node.inputs[1];
  auto step = std::make_unique<Int8BinaryStep>(quad_layout(y.shape));
  step->arithmetic_.set(*as<BinaryOperator>(node), builder->tensor(a), builder->tensor(b), y);
  if (!is_whole(builder->tensor(a), y)) {
    std::swap(a, b);
    step->arithmetic_.swap_operands();
  }
  const Tensor& other = builder->tensor(b);
  step->b_is_per_channel_ = !is_whole(other, y);
  step->b_is_per_image_ = step->b_is_per_channel_ && element_count(other.shape) > y.shape.back();
  step->a_ = values.chw(a);
  step->reads = {step->a_};
  if (other.is_constant()) {
    TFSPARSE_RETURN_IF_ERROR(
        read_quads(other, y.shape.back(), builder->int8_kernels().flip, &step->constant_));
  } else {
    step->b_ = values.chw(b);
    step->reads.push_back(step->b_);
  }
  step->writes = {values.define_chw(node.output)};
  step->parts[0].kernel = "int8 elementwise";
  builder->add(std::move(step), node);
  return {};
}

}  // namespace tfsparse
