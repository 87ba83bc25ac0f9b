#include "delegate/core/steps/int8/rows.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "delegate/core/operators/weighted/fully_connected.h"
#include "delegate/core/weights/int8_product.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

class Int8RowsStep : public Step {
 public:
  void run(const RunContext& context) const override {
    const int groups = static_cast<int>(packed_.counts.size());
    context.pool.parallel_for(groups, 1, [&](int begin, int end, int) {
      int8::RowsArgs args{};
      args.x = bytes(context.values[reads[0]]);
      args.y = bytes(context.values[writes[0]]) + std::ptrdiff_t{begin} * group_;
      args.outputs = std::min(end * group_, outputs_) - begin * group_;
      args.counts = packed_.counts.data() + begin;
      args.offsets = packed_.offsets.data() + first_quad_[begin];
      args.weights = packed_.weights.data() + first_quad_[begin] * group_ * int8::kQuad;
      args.bias = packed_.bias.data() + std::ptrdiff_t{begin} * group_;
      args.multipliers = packed_.multipliers.data() + std::ptrdiff_t{begin} * group_;
      args.output = output_;
      context.int8_kernels.rows(args);
    });
  }

  Status set_up(const Graph& graph, const Node& node, const int8::Kernels& kernels) {
    const Tensor& weights = graph.tensors[node.inputs[1]];
    const Tensor& y = graph.tensors[node.output];
    std::vector<std::int8_t> values;
    std::vector<std::int32_t> bias;
    outputs_ = weights.shape[0];
    TFSPARSE_RETURN_IF_ERROR(read_int8(weights, &values));
    TFSPARSE_RETURN_IF_ERROR(read_int8_bias(graph, node, outputs_, &bias));
    const std::vector<float> factors = multipliers(graph, node, y);
    const int zero_point = graph.tensors[node.inputs[0]].quantization->zero_point();
    const int8::Product product{values.data(), outputs_,    1,          weights.shape.back(),
                                nullptr,       bias.data(), zero_point, factors.data()};
    if (!int8::pack_rows(product, kernels, &packed_)) {
      return Status::error("a sum of products may exceed 32 bits");
    }
    output_ = output_of(y, as<FullyConnected>(node)->epilogue);
    group_ = static_cast<int>(packed_.bias.size() / packed_.counts.size());
    first_quad_ = {0};
    for (int count : packed_.counts) first_quad_.push_back(first_quad_.back() + count);
    const double kept = static_cast<double>(packed_.weights.size());
    parts[0].kernel = std::string(kept < values.size() ? "sparse" : "dense") + " int8 rows";
    parts[0].macs = std::min(kept, static_cast<double>(values.size()));
    return {};
  }

 private:
  int8::PackedRows packed_;
  int8::Output output_;
  int outputs_ = 0;
  int group_ = 1;                        // outputs that are packed together
  std::vector<std::size_t> first_quad_;  // of each group
};

}  // namespace

Status make_int8_rows(const Graph& graph, const Node& node, PaddedValue x, Value y,
                      const int8::Kernels& kernels, std::unique_ptr<Step>* result) {
  auto step = std::make_unique<Int8RowsStep>();
  step->reads = {x};
  step->writes = {y};
  TFSPARSE_RETURN_IF_ERROR(step->set_up(graph, node, kernels));
  *result = std::move(step);
  return {};
}

}  // namespace tfsparse
