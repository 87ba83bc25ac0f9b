#include "delegate/core/steps/int8/prelu.h"

#include <utility>
#include <vector>

#include "delegate/core/plan/lambda_step.h"
#include "delegate/core/weights/int8_product.h"

namespace tfsparse {
namespace {

// What a code above zero is multiplied by.
float factor_above(const Tensor& x, const Tensor& y) {
  return x.quantization->scale() / y.quantization->scale();
}

}  // namespace

bool has_int8_prelu(const Graph& graph, const Node& node) {
  const Tensor &x = graph.tensors[node.inputs[0]], &slopes = graph.tensors[node.inputs[1]];
  const Tensor& y = graph.tensors[node.output];
  if (x.shape != y.shape || y.shape.empty() || !slopes.is_constant()) return false;
  if (element_count(slopes.shape) != 1 && !is_one_per_channel(slopes.shape, y.shape)) return false;
  constexpr float kMostCodes = 255, kMostScaled = 1 << 30;  // of products that fit 32 bits
  const float above = factor_above(x, y);
  return kMostCodes * above <= kMostScaled &&
         kMostCodes * kMostCodes * slopes.quantization->scale() * above <= kMostScaled;
}

Status add_int8_prelu(PlanBuilder* builder, const Node& node) {
  const Tensor &x = builder->tensor(node.inputs[0]), &y = builder->tensor(node.output);
  const QuadLayout layout = quad_layout(y.shape);
  std::vector<float> below;
  TFSPARSE_RETURN_IF_ERROR(read_floats(builder->tensor(node.inputs[1]), &below));
  below.resize(layout.channels, below.front());  // if there is one for all
  below.resize(std::size_t{int8::kQuad} * layout.quads());
  int8::PreluArgs all{};
  all.above = factor_above(x, y);
  for (float& slope : below) slope *= all.above;
  all.pixels = layout.pixels();
  all.x_stride = all.y_stride = layout.stride;
  all.zero = x.quantization->zero_point();
  all.output = output_of(y, Epilogue());
  const Value from = builder->values().chw(node.inputs[0]);
  const Value to = builder->values().define_chw(node.output);
  const auto run = [=, below = std::move(below)](const RunContext& context) {
    context.pool.parallel_for(layout.batch * layout.quads(), 1, [&](int begin, int end, int) {
      int8::PreluArgs args = all;
      args.quads = 1;
      for (int plane = begin; plane < end; ++plane) {
        args.x = bytes(context.values[from]) + plane * layout.stride;
        args.y = bytes(context.values[to]) + plane * layout.stride;
        args.below = below.data() + std::ptrdiff_t{int8::kQuad} * (plane % layout.quads());
        context.int8_kernels.prelu(args);
      }
    });
  };
  builder->add(make_step("int8 prelu", from, to, run), node);
  return {};
}

}  // namespace tfsparse
