#include "delegate/core/plan/builder.h"

#include <algorithm>
#include <utility>

#include "delegate/core/operators/weighted/image_convolution.h"
#include "delegate/core/plan/tiled_nodes.h"

namespace tfsparse {

Status PlanBuilder::build(int threads) {
  for (int input : graph_.inputs) plan_.input_values_.push_back(values_.bind_input(input));
  const auto tiled = find_tiled_nodes(graph_, kernels_.element_bytes);
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    if (tiled[i].size() == 1) TFSPARSE_RETURN_IF_ERROR(add_node(node).at(node.id));
    if (tiled[i].size() > 1) TFSPARSE_RETURN_IF_ERROR(add_row_tiling(tiled[i]).at(node.id));
  }
  for (int output : graph_.outputs) {
    plan_.output_shapes_.push_back(shape(output));
    plan_.output_values_.push_back(values_.bind_output(output));
  }
  if (!values_.status().ok()) return values_.status();
  return lay_out_memory(threads);
}

Status PlanBuilder::add_row_tiling(const std::vector<const Node*>& nodes) {
  std::vector<RowWindow> windows;
  for (const Node* node : nodes) windows.push_back(row_window(graph_, *node));
  const RowTiling tiling = plan_row_tiling(windows, kernels_.element_bytes);
  std::vector<std::unique_ptr<RowStep>> steps(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const ChwLayout* x = i > 0 ? &tiling.between[i - 1] : nullptr;
    const ChwLayout* y = i + 1 < nodes.size() ? &tiling.between[i] : nullptr;
    TFSPARSE_RETURN_IF_ERROR(
        as<ImageConvolution>(*nodes[i])->make_step(this, *nodes[i], x, y, &steps[i]));
    steps[i]->parts[0].node_id = nodes[i]->id;
  }
  plan_.steps_.push_back(make_row_tiling(std::move(steps), tiling, kernels_.element_bytes));
  return {};
}

Status PlanBuilder::add_node(const Node& node) {
  if (element_count(shape(node.output)) == 0) {  // an empty output needs no steps
    values_.define_flat(node.output);
    return {};
  }
  return is_int8(node.output) ? node.op->build_int8(this, node) : node.op->build(this, node);
}

void PlanBuilder::add(std::unique_ptr<Step> step, const Node& node) {
  step->parts[0].node_id = node.id;
  plan_.steps_.push_back(std::move(step));
}

Status PlanBuilder::lay_out_memory(int threads) {
  std::vector<std::ptrdiff_t> offsets;
  const ArenaPlan arena = values_.plan_memory(&offsets);
  plan_.arena_ = Buffer(arena.bytes, 1, std::nothrow);
  if (plan_.arena_.data() == nullptr) {
    return Status::error("no memory for " + std::to_string(arena.bytes) + " bytes of activations");
  }
  std::vector<PaddedElements> own;
  for (std::size_t value = 0; value < offsets.size(); ++value) {
    const PaddedElements first =
        offsets[value] < 0 ? PaddedElements() : plan_.arena_.data() + offsets[value];
    own.push_back(first.with_element_bytes(values_.element_bytes({static_cast<int>(value)})));
  }
  plan_.values_ = ValueTable(std::move(own));
  std::uint64_t bytes = 0;
  for (const auto& step : plan_.steps_) bytes = std::max(bytes, step->scratch_bytes);
  const std::uint64_t elements = (bytes + kernels_.element_bytes - 1) / kernels_.element_bytes;
  for (int worker = 0; worker < threads; ++worker) {
    plan_.scratch_.emplace_back(elements, kernels_.element_bytes, std::nothrow);
    if (plan_.scratch_.back().data() == nullptr) {
      return Status::error("no memory for " + std::to_string(bytes) + " bytes of scratch");
    }
  }
  return {};
}

}  // namespace tfsparse
