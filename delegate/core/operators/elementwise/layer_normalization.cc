#include "delegate/core/operators/elementwise/layer_normalization.h"

#include <algorithm>
#include <utility>

#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/lambda_step.h"

namespace tfsparse {
namespace {

// One number per channel: of a constant, or `usual` where there is none.
Status read_channels(const Graph& graph, int tensor, int channels, float usual,
                     std::vector<float>* values) {
  values->assign(channels, usual);
  return tensor < 0 ? Status() : read_floats(graph.tensors[tensor], values);
}

}  // namespace

Status LayerNormalization::infer(ShapeContext* context, const Node& node) {
  context->set_out(node, context->in(node, 0));
  return {};
}

Status LayerNormalization::build(PlanBuilder* builder, const Node& node) const {
  const ChwLayout chw = chw_layout(builder->shape(node.output));
  std::vector<float> gamma, beta;
  TFSPARSE_RETURN_IF_ERROR(
      read_channels(builder->graph(), node.inputs[1], chw.channels, 1, &gamma));
  TFSPARSE_RETURN_IF_ERROR(read_channels(builder->graph(), node.inputs[2], chw.channels, 0, &beta));
  const Value x = builder->values().chw(node.inputs[0]);
  const Value y = builder->values().define_chw(node.output);
  const auto stride = static_cast<std::size_t>(chw.stride);
  constexpr int kTile = 64;  // pixels for a thread at once
  const int tiles = (chw.pixels() + kTile - 1) / kTile;
  const auto run = [=, epsilon = epsilon, gamma = std::move(gamma),
                    beta = std::move(beta)](const RunContext& context) {
    context.pool.parallel_for(chw.batch * tiles, 1, [&](int begin, int end, int) {
      for (int tile = begin; tile < end; ++tile) {
        const int first = tile % tiles * kTile;
        const std::size_t at = tile / tiles * chw.image() + first;
        context.kernels.layer_norm({context.values[x] + at, context.values[y] + at, chw.channels,
                                    std::min(kTile, chw.pixels() - first), stride, stride,
                                    gamma.data(), beta.data(), epsilon});
      }
    });
  };
  builder->add(make_step("layer normalization", x, y, run), node);
  return {};
}

void LayerNormalization::hash(Hasher* hasher) const { hasher->add(epsilon); }

}  // namespace tfsparse
