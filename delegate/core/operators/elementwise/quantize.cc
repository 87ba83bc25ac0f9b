#include "delegate/core/operators/elementwise/quantize.h"

#include <algorithm>

#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/lambda_step.h"
#include "delegate/core/steps/int8/lookup.h"

namespace tfsparse {
namespace {

// Calls body(floats, first, count) for elements [begin, end). `floats` has room for `count` float32
// numbers: the elements themselves, or a block of memory if the kernels compute in float16.
constexpr int kBlock = 256;
template <class Body>
void in_blocks(int begin, int end, bool is_float32, Elements elements, const Body& body) {
  if (is_float32) {
    void* first = elements + begin;
    return body(static_cast<float*>(first), begin, end - begin);
  }
  float block[kBlock];
  for (; begin < end; begin += kBlock) body(block, begin, std::min(kBlock, end - begin));
}

}  // namespace

bool Quantize::computes_in(DType type) const { return is_float32_or_int8(type); }

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
  const int8::DequantizeArgs all{nullptr, nullptr, 0, from.scale(), from.zero_point()};
  const bool is_float32 = builder->kernels().element_bytes == sizeof(float);
  const auto run = [=](const RunContext& context) {
    const Elements to = context.values[y];
    context.pool.parallel_for(count, kGrain, [&](int begin, int end, int) {
      in_blocks(begin, end, is_float32, to, [&](float* floats, int first, int n) {
        int8::DequantizeArgs args = all;
        args.x = bytes(context.values[x] + first);
        args.y = floats;
        args.n = static_cast<std::size_t>(n);
        context.int8_kernels.dequantize(args);
        if (!is_float32) context.kernels.from_floats(floats, to + first, n);
      });
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
  const int8::QuantizeArgs all{nullptr, nullptr, 0, 1 / output.quantization->scale(),
                               output.quantization->zero_point()};
  const bool is_float32 = builder->kernels().element_bytes == sizeof(float);
  const auto run = [=](const RunContext& context) {
    const Elements from = context.values[x];
    context.pool.parallel_for(count, kGrain, [&](int begin, int end, int) {
      in_blocks(begin, end, is_float32, from, [&](float* floats, int first, int n) {
        if (!is_float32) context.kernels.to_floats(from + first, floats, n);
        int8::QuantizeArgs args = all;
        args.x = floats;
        args.y = bytes(context.values[y] + first);
        args.n = static_cast<std::size_t>(n);
        context.int8_kernels.quantize(args);
      });
    });
  };
  builder->add(make_step("quantize", x, y, run), node);
  return {};
}

}  // namespace tfsparse
