#include "delegate/core/operators/elementwise/quantize.h"

#include <algorithm>
#include <cmath>

#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/lambda_step.h"
#include "delegate/core/steps/int8_lookup.h"

namespace tfsparse {
namespace {

struct QuantizeArgs {
  const float* x;
  std::int8_t* y;
  std::size_t n;
  float scale;
  int zero_point;
};
void quantize(const QuantizeArgs& a) {
  for (std::size_t i = 0; i < a.n; ++i) {
    const float code = std::nearbyint(a.x[i] / a.scale) + a.zero_point;
    a.y[i] = static_cast<std::int8_t>(std::min(127.0f, std::max(-128.0f, code)));
  }
}
struct DequantizeArgs {
  const std::int8_t* x;
  float* y;
  std::size_t n;
  float scale;
  int zero_point;
};
void dequantize(const DequantizeArgs& a) {
  for (std::size_t i = 0; i < a.n; ++i) a.y[i] = (a.x[i] - a.zero_point) * a.scale;
}

}  // namespace

bool Quantize::computes_in(DType type) const {
  return type == DType::kFloat32 || type == DType::kInt8;
}

std::string Quantize::unsupported_because(const SupportContext& context, const Node& node) const {
  const DType from = context.tensor(node.inputs[0]).type, to = context.tensor(node.output).type;
  if (from == DType::kFloat32 && to == DType::kFloat32) return "changes no type";
  return unsupported_input(context, node);
}

Status Quantize::infer(ShapeContext* context, const Node& node) {
  context->set_out(node, context->in(node, 0));
  return {};
}

Status Quantize::build(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const Value x = values.flat(node.inputs[0]), y = values.define_flat(node.output);
  const int count = static_cast<int>(values.elements(x));
  const Quantization& from = *builder->tensor(node.inputs[0]).quantization;
  const float scale = from.scale();
  const int zero_point = from.zero_point();
  const auto run = [=](const RunContext& context) {
    context.pool.parallel_for(count, kGrain, [&](int begin, int end, int) {
      constexpr int kBlock = 256;
      float block[kBlock];
      for (int first = begin; first < end; first += kBlock) {
        const int n = std::min(kBlock, end - first);
        dequantize({bytes(context.values[x] + first), block, static_cast<std::size_t>(n), scale,
                    zero_point});
        context.kernels.from_floats(block, context.values[y] + first, n);
      }
    });
  };
  builder->add(make_step("dequantize", x, y, run), node);
  return {};
}

Status Quantize::build_int8(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const Tensor& output = builder->tensor(node.output);
  if (builder->is_int8(node.inputs[0])) {
    return add_int8_lookup(builder, node, "requantize", [](double x) { return x; });
  }
  const Value x = values.flat(node.inputs[0]), y = values.define_flat(node.output);
  const int count = static_cast<int>(values.elements(x));
  const float scale = output.quantization->scale();
  const int zero_point = output.quantization->zero_point();
  const auto run = [=](const RunContext& context) {
    context.pool.parallel_for(count, kGrain, [&](int begin, int end, int) {
      constexpr int kBlock = 256;
      float block[kBlock];
      for (int first = begin; first < end; first += kBlock) {
        const int n = std::min(kBlock, end - first);
        context.kernels.to_floats(context.values[x] + first, block, n);
        quantize({block, bytes(context.values[y] + first), static_cast<std::size_t>(n), scale,
                  zero_point});
      }
    });
  };
  builder->add(make_step("quantize", x, y, run), node);
  return {};
}

}  // namespace tfsparse
