#include "delegate/core/steps/int8/lookup.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "delegate/core/plan/lambda_step.h"

namespace tfsparse {
namespace {

using Table = std::array<std::int8_t, 256>;

// By the byte of the input as the kernels keep it, which is the code with the bits of `flip`
// inverted, as is the result.
Table make_table(const Quantization& x, const Quantization& y, int flip,
                 const std::function<double(double)>& function) {
  Table table;
  for (int byte = 0; byte < 256; ++byte) {
    const int code = static_cast<std::int8_t>(byte ^ flip);
    const double value = function((code - x.zero_point()) * static_cast<double>(x.scale()));
    const double result = std::round(value / y.scale()) + y.zero_point();
    // in this order, NaN becomes -128
    const int clamped = static_cast<int>(std::min(127.0, std::max(-128.0, result)));
    table[byte] = static_cast<std::int8_t>(clamped ^ flip);
  }
  return table;
}

}  // namespace

Status add_int8_lookup(PlanBuilder* builder, const Node& node, std::string kernel,
                       const std::function<double(double)>& function) {
  Values& values = builder->values();
  const bool in_chw = values.has_chw(node.inputs[0]);
  const Value x = values.get(node.inputs[0], in_chw), y = values.define(node.output, in_chw);
  const int flip = in_chw ? builder->int8_kernels().flip : 0;
  const Table table = make_table(*builder->tensor(node.inputs[0]).quantization,
                                 *builder->tensor(node.output).quantization, flip, function);
  const int count = static_cast<int>(values.elements(x));  // with the gaps between planes
  const auto run = [=](const RunContext& context) {
    context.pool.parallel_for(count, kGrain, [&](int begin, int end, int) {
      context.int8_kernels.lookup({bytes(context.values[x] + begin),
                                   bytes(context.values[y] + begin),
                                   static_cast<std::size_t>(end - begin), table.data()});
    });
  };
  builder->add(make_step(std::move(kernel), x, y, run), node);
  return {};
}

}  // namespace tfsparse
