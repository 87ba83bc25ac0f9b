#include "delegate/core/builder.h"

#include <algorithm>
#include <utility>

#include "delegate/core/chains.h"
#include "delegate/core/transpose_conv.h"

namespace tfsparse {

Status PlanBuilder::build(int threads) {
  for (int input : graph_.inputs) plan_.input_values_.push_back(values_.bind_input(input));
  const auto chains = find_chains(graph_, kernels_.element_bytes);
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    if (chains[i].size() == 1) TFSPARSE_RETURN_IF_ERROR(add_node(node).at(node.id));
    if (chains[i].size() > 1) TFSPARSE_RETURN_IF_ERROR(add_chain(chains[i]).at(node.id));
  }
  for (int output : graph_.outputs) {
    plan_.output_shapes_.push_back(shape(output));
    plan_.output_values_.push_back(values_.bind_output(output));
  }
  if (!values_.status().ok()) return values_.status();
  return lay_out_memory(threads);
}

Status PlanBuilder::add_chain(const std::vector<const Node*>& nodes) {
  std::vector<RowWindow> windows;
  for (const Node* node : nodes) windows.push_back(row_window(graph_, *node));
  const StripPlan plan = plan_strips(windows, kernels_.element_bytes);
  std::vector<std::unique_ptr<RowStep>> steps(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    TFSPARSE_RETURN_IF_ERROR(make_row_step(*nodes[i], i > 0 ? &plan.between[i - 1] : nullptr,
                                           i + 1 < nodes.size() ? &plan.between[i] : nullptr,
                                           &steps[i]));
  }
  add(make_strips(std::move(steps), plan));
  return {};
}

Status PlanBuilder::add_node(const Node& node) {
  const int x = node.inputs[0];
  if (elements(node.output) == 0) {  // whatever it was, there is nothing to do
    values_.define_flat(node.output);
    return {};
  }
  switch (node.op) {
    case Op::kConv2D:
    case Op::kDepthwiseConv2D: {
      std::unique_ptr<RowStep> row_step;
      TFSPARSE_RETURN_IF_ERROR(make_row_step(node, nullptr, nullptr, &row_step));
      add(std::move(row_step), node.id);
      return {};
    }
    case Op::kTransposeConv: {
      const Value from = values_.planes(x), to = values_.define_planes(node.output);
      const PaddedValue border = values_.add(transpose_conv_border(graph_, node));
      std::unique_ptr<Step> step;
      TFSPARSE_RETURN_IF_ERROR(
          make_transpose_conv(graph_, node, from, border, to, kernels_, &step));
      add(std::move(step), node.id);
      return {};
    }
    case Op::kFullyConnected: {
      const Value from = values_.flat(x), to = values_.define_flat(node.output);
      std::unique_ptr<Step> step;
      TFSPARSE_RETURN_IF_ERROR(make_fully_connected(graph_, node, kernels_, from, to, &step));
      add(std::move(step), node.id);
      return {};
    }
    case Op::kBinary:
      return add_binary(node);
    case Op::kUnary: {
      const bool in_planes = values_.has_planes(x);
      const Value from = value(x, in_planes), to = define(node.output, in_planes);
      add(make_unary(node, from, to, values_.elements(from)), node.id);
      return {};
    }
    case Op::kReduce:
      return add_reduction(node);
    case Op::kPool: {
      const Value from = values_.planes(x), to = values_.define_planes(node.output);
      add(make_pool(node, from, planes_of(shape(x)), to, planes_of(shape(node.output)), kernels_),
          node.id);
      return {};
    }
    case Op::kResize: {
      const Value from = values_.planes(x), to = values_.define_planes(node.output);
      add(make_resize(node, from, planes_of(shape(x)), to, planes_of(shape(node.output)), kernels_),
          node.id);
      return {};
    }
    case Op::kReshape:
    case Op::kSqueeze:
    case Op::kExpandDims:
      values_.define_alias(node.output, x);
      return {};
    case Op::kPad:
      return add_pad(node);
    case Op::kConcatenation:
      return add_concatenation(node);
    case Op::kSplit:
    case Op::kSlice:
      return add_slice(node);
    case Op::kTranspose:
      return add_transpose(node);
    case Op::kSpaceToDepth:
    case Op::kDepthToSpace:
      return add_block_move(node);
    case Op::kSoftmax: {
      const Value from = values_.flat(x);
      const int depth = shape(x).back(), rows = static_cast<int>(elements(x) / depth);
      add(make_softmax(from, values_.define_flat(node.output), rows, depth, node.beta), node.id);
      return {};
    }
    default:
      return Status::error("node " + std::to_string(node.id) + " (" + node.type +
                           ") cannot be run");
  }
}

Status PlanBuilder::make_row_step(const Node& node, const Planes* x, const Planes* y,
                                  std::unique_ptr<RowStep>* step) {
  const int tensor = node.inputs[0];
  const bool is_convolution = node.op == Op::kConv2D;
  const std::uint64_t border_elements = is_convolution ? convolution_border(graph_, node) : 0;
  RowInput input;
  input.planes = planes_of(shape(tensor));
  if (x != nullptr) {
    input.planes.stride = x->stride;
  } else {
    // The bordered copy can gather a few channels from TFLite's order as well: no layout change for
    // the picture that a network starts from.
    if (border_elements > 0 && !values_.has_planes(tensor) && shape(tensor)[3] <= 4) {
      input.flat = values_.flat(tensor);
    } else {
      input.value = values_.padded(values_.planes(tensor));
    }
  }
  PaddedValue residual, border, output;
  if (node.residual >= 0) residual = values_.padded(values_.planes(node.residual));
  if (border_elements > 0) border = values_.add(border_elements);
  if (y == nullptr) output = values_.padded(values_.define_planes(node.output));
  const Planes output_planes = planes_of(shape(node.output));
  return is_convolution
             ? make_convolution(graph_, node, input, output, output_planes, residual, border,
                                kernels_, step)
             : make_depthwise(graph_, node, input, output, output_planes, kernels_, step);
}

Status PlanBuilder::add_reduction(const Node& node) {
  const int x = node.inputs[0];
  const bool over_pixels = shape(x).size() == 4 && node.axes == std::vector<int>{1, 2};
  if (values_.has_planes(x) && over_pixels) {
    const Value from = values_.planes(x), to = values_.define_flat(node.output);
    add(make_reduction_planes(node, from, planes_of(shape(x)), to), node.id);
  } else {
    const Value from = values_.flat(x), to = values_.define_flat(node.output);
    add(make_reduction_flat(node, from, shape(x), to, kernels_), node.id);
  }
  return {};
}

Status PlanBuilder::add_binary(const Node& node) {
  const Shape& y = shape(node.output);
  // In planes, an operand is the whole image or one element a channel; anything else is broadcast
  // in TFLite's order.
  bool in_planes = is_image(shape(node.output));
  bool any_planes = false;
  for (int i = 0; i < 2; ++i) {
    const int tensor = node.inputs[i];
    const Shape& s = shape(tensor);
    const bool whole = s == y && !graph_.tensors[tensor].is_constant();
    const std::int64_t count = element_count(s);
    const bool per_channel =
        count == 1 || (count == y.back() && s.back() == y.back()) ||
        (s.size() == 4 && y.size() == 4 && s[0] == y[0] && s[1] == 1 && s[2] == 1 && s[3] == y[3]);
    in_planes = in_planes && (whole || per_channel);
    any_planes = any_planes || (whole && values_.has_planes(tensor));
  }
  in_planes = in_planes && any_planes;
  Operand a, b;
  TFSPARSE_RETURN_IF_ERROR(set_operand(node.inputs[0], in_planes, &a));
  TFSPARSE_RETURN_IF_ERROR(set_operand(node.inputs[1], in_planes, &b));
  if (in_planes) {
    const Value to = values_.define_planes(node.output);
    add(make_binary_planes(node, std::move(a), std::move(b), to, planes_of(y), kernels_), node.id);
  } else {
    const Value to = values_.define_flat(node.output);
    add(make_binary_flat(node, std::move(a), std::move(b), to, y, kernels_), node.id);
  }
  return {};
}

Status PlanBuilder::set_operand(int tensor, bool in_planes, Operand* operand) {
  operand->shape = shape(tensor);
  if (graph_.tensors[tensor].is_constant()) {
    return read_floats(graph_.tensors[tensor], &operand->constant);
  }
  operand->value = in_planes ? values_.planes(tensor) : values_.flat(tensor);
  return {};
}

void PlanBuilder::add(std::unique_ptr<Step> step, int node_id) {
  if (step->parts.size() == 1) step->parts[0].node_id = node_id;
  plan_.steps_.push_back(std::move(step));
}

Status PlanBuilder::lay_out_memory(int threads) {
  std::vector<std::ptrdiff_t> offsets;
  const ArenaPlan arena = values_.plan_memory(&offsets);
  plan_.arena_ = Buffer(arena.elements, kernels_.element_bytes, std::nothrow);
  if (plan_.arena_.data() == nullptr) {
    return Status::error("no memory for " + std::to_string(arena.elements) + " activations");
  }
  std::vector<PaddedElements> own;
  for (std::ptrdiff_t offset : offsets) {
    own.push_back(offset < 0 ? PaddedElements() : plan_.arena_.data() + offset);
  }
  plan_.values_ = ValueTable(std::move(own));
  std::uint64_t scratch = 0;
  for (const auto& step : plan_.steps_) scratch = std::max(scratch, step->scratch);
  for (int worker = 0; worker < threads; ++worker) {
    plan_.scratch_.emplace_back(scratch, kernels_.element_bytes, std::nothrow);
    if (plan_.scratch_.back().data() == nullptr) {
      return Status::error("no memory for " + std::to_string(scratch) + " elements of scratch");
    }
  }
  return {};
}

}  // namespace tfsparse
