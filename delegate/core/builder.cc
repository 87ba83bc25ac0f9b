#include "delegate/core/builder.h"

#include <algorithm>
#include <utility>

namespace tfsparse {
namespace {

// Bytes of one image of a tensor from which on it is passed on in strips. Measured on MobileNetV2:
// from here it pays, at 600 KB and below whole tensors are faster.
constexpr std::size_t kStripFrom = 1000 << 10;

}  // namespace

Status PlanBuilder::build(int threads) {
  flat_.assign(graph_.tensors.size(), -1);
  planes_.assign(graph_.tensors.size(), -1);
  for (int tensor : graph_.inputs) {
    plan_.input_values_.push_back(define_flat(tensor));
    values_[flat_[tensor]].external = true;
  }
  find_chains();
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (chains_[i].size() == 1) TFSPARSE_RETURN_IF_ERROR(add_node(graph_.nodes[i]));
    if (chains_[i].size() > 1) TFSPARSE_RETURN_IF_ERROR(add_chain(chains_[i]));
  }
  bind_outputs();
  if (reads_unmade_) return Status::error("a node reads a tensor that none before it makes");
  return lay_out_memory(threads);
}

// Links a node to the one before it where the tensor between them is so large that it would leave
// the cache before it is read.
void PlanBuilder::find_chains() {
  std::vector<int> uses(graph_.tensors.size(), 0);  // the graph's outputs among them
  std::vector<int> producer(graph_.tensors.size(), -1);
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    for (int input : node.inputs) uses[std::max(input, 0)] += input >= 0;
    if (node.residual >= 0) ++uses[node.residual];
    producer[node.output] = static_cast<int>(i);
  }
  for (int output : graph_.outputs) ++uses[output];

  chains_.resize(graph_.nodes.size());
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    chains_[i] = {&node};
    const int x = node.inputs[0], before = producer[x];
    if (before < 0 || !is_row_step(node) || !is_row_step(graph_.nodes[before]) || uses[x] != 1 ||
        graph_.nodes[before].residual >= 0 || convolution_reads_border(node) ||
        planes_of(shape(x)).image() * sizeof(float) < kStripFrom) {
      continue;
    }
    std::vector<const Node*> chain = chains_[before];
    chain.push_back(&node);
    std::vector<RowWindow> windows;
    for (const Node* link : chain) windows.push_back(window(*link));
    if (plan_strips(windows).rows == 0) continue;
    chains_[before].clear();
    chains_[i] = std::move(chain);
  }
}

bool PlanBuilder::is_row_step(const Node& node) const {
  return (node.op == Op::kConv2D || node.op == Op::kDepthwiseConv2D) && is_image(node.output);
}

bool PlanBuilder::convolution_reads_border(const Node& node) const {
  return node.op == Op::kConv2D && convolution_border(graph_, node) > 0;
}

RowWindow PlanBuilder::window(const Node& node) const {
  return {shape(node.inputs[1])[1], node.stride_h, node.dilation_h, planes_of(shape(node.output))};
}

Status PlanBuilder::add_chain(const std::vector<const Node*>& nodes) {
  std::vector<RowWindow> windows;
  for (const Node* node : nodes) windows.push_back(window(*node));
  const StripPlan plan = plan_strips(windows);
  std::vector<std::unique_ptr<RowStep>> steps(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    TFSPARSE_RETURN_IF_ERROR(make_row_step(*nodes[i], i > 0 ? &plan.between[i - 1] : nullptr,
                                           i + 1 < nodes.size() ? &plan.between[i] : nullptr,
                                           &steps[i]));
  }
  const int x = steps.front()->reads.front();
  add(make_strips(std::move(steps), x, planes_[nodes.back()->output], plan));
  return {};
}

Status PlanBuilder::add_node(const Node& node) {
  const int x = node.inputs[0];
  switch (node.op) {
    case Op::kConv2D:
    case Op::kDepthwiseConv2D: {
      if (is_matrix_product(node)) return add_matrix_product(node);
      std::unique_ptr<RowStep> row_step;
      TFSPARSE_RETURN_IF_ERROR(make_row_step(node, nullptr, nullptr, &row_step));
      add(std::move(row_step), node.id);
      return {};
    }
    case Op::kFullyConnected:
      return add_matrix_product(node);
    case Op::kBinary:
      return add_binary(node);
    case Op::kUnary: {
      const bool in_planes = prefers_planes(x);
      const int from = in_planes ? planes(x) : flat(x);
      const int to = in_planes ? define_planes(node.output) : define_flat(node.output);
      add(make_unary(node, from, to, values_[from].floats), node.id);
      return {};
    }
    case Op::kMean: {
      const int from = planes(x);
      add(make_mean(from, planes_of(shape(x)), define_flat(node.output)), node.id);
      return {};
    }
    case Op::kPad: {
      const int from = planes(x), to = define_planes(node.output);
      add(make_pad(node, from, planes_of(shape(x)), to, planes_of(shape(node.output))), node.id);
      return {};
    }
    case Op::kReshape:
      flat_[node.output] = flat(x);
      return {};
    case Op::kSoftmax: {
      const int from = flat(x), depth = shape(x).back();
      const int rows = depth > 0 ? static_cast<int>(elements(x) / depth) : 0;
      add(make_softmax(from, define_flat(node.output), rows, depth, node.beta), node.id);
      return {};
    }
    default:
      return Status::error("node " + std::to_string(node.id) + " (" + node.type +
                           ") cannot be run");
  }
}

// A 1x1 convolution of a single pixel is a fully connected layer.
bool PlanBuilder::is_matrix_product(const Node& node) const {
  if (node.op != Op::kConv2D || is_image(node.inputs[0]) || is_image(node.output)) return false;
  const Shape& w = shape(node.inputs[1]);
  return w[1] == 1 && w[2] == 1 && node.pad_top == 0 && node.pad_left == 0;
}

Status PlanBuilder::add_matrix_product(const Node& node) {
  const int x = flat(node.inputs[0]), y = define_flat(node.output);
  const int depth = shape(node.inputs[1]).back();
  std::unique_ptr<Step> step;
  TFSPARSE_RETURN_IF_ERROR(make_fully_connected(
      graph_, node, x, y, static_cast<int>(elements(node.inputs[0]) / depth), &step));
  add(std::move(step), node.id);
  return {};
}

Status PlanBuilder::make_row_step(const Node& node, const Planes* x, const Planes* y,
                                  std::unique_ptr<RowStep>* step) {
  const int tensor = node.inputs[0];
  const bool is_convolution = node.op == Op::kConv2D;
  const std::size_t border_floats = is_convolution ? convolution_border(graph_, node) : 0;
  RowInput input;
  input.planes = planes_of(shape(tensor));
  if (x != nullptr) {
    input.planes.stride = x->stride;
  } else {
    // The bordered copy can gather a few channels from TFLite's order as well: no layout change for
    // the picture that a network starts from.
    input.is_flat = border_floats > 0 && planes_[tensor] < 0 && shape(tensor)[3] <= 4;
    input.value = input.is_flat ? flat(tensor) : planes(tensor);
  }
  const int residual = node.residual >= 0 ? planes(node.residual) : -1;
  const int border = border_floats > 0 ? new_value(border_floats) : -1;
  const int output = y == nullptr ? define_planes(node.output) : -1;
  const Planes output_planes = planes_of(shape(node.output));
  return is_convolution
             ? make_convolution(graph_, node, input, output, output_planes, residual, border,
                                kernels_, step)
             : make_depthwise(graph_, node, input, output, output_planes, kernels_, step);
}

Status PlanBuilder::add_binary(const Node& node) {
  const Shape& y = shape(node.output);
  // In planes, an operand is the whole image or one float a channel; anything else is broadcast in
  // TFLite's order.
  bool in_planes = is_image(node.output);
  bool any_planes = false;
  for (int i = 0; i < 2; ++i) {
    const int tensor = node.inputs[i];
    const Shape& s = shape(tensor);
    const bool whole = s == y && !graph_.tensors[tensor].is_constant();
    const std::int64_t count = element_count(s);
    const bool per_channel =
        count == 1 || (count == y.back() && s.back() == y.back()) ||
        (s.size() == 4 && s[0] == y[0] && s[1] == 1 && s[2] == 1 && s[3] == y.back());
    in_planes = in_planes && (whole || per_channel);
    any_planes = any_planes || (whole && prefers_planes(tensor));
  }
  in_planes = in_planes && any_planes;
  Operand a, b;
  TFSPARSE_RETURN_IF_ERROR(set_operand(node.inputs[0], in_planes, &a));
  TFSPARSE_RETURN_IF_ERROR(set_operand(node.inputs[1], in_planes, &b));
  if (in_planes) {
    const int to = define_planes(node.output);
    add(make_binary_planes(node, std::move(a), std::move(b), to, planes_of(y)), node.id);
  } else {
    add(make_binary_flat(node, std::move(a), std::move(b), define_flat(node.output), y), node.id);
  }
  return {};
}

Status PlanBuilder::set_operand(int tensor, bool in_planes, Operand* operand) {
  operand->shape = shape(tensor);
  if (graph_.tensors[tensor].is_constant()) {
    return read_floats(graph_.tensors[tensor], &operand->constant);
  }
  operand->value = in_planes ? planes(tensor) : flat(tensor);
  return {};
}

void PlanBuilder::add(std::unique_ptr<Step> step, int node_id) {
  if (step->parts.size() == 1) step->parts[0].node_id = node_id;
  plan_.steps_.push_back(std::move(step));
}

int PlanBuilder::new_value(std::size_t floats) {
  values_.push_back({floats, false});
  return static_cast<int>(values_.size()) - 1;
}

int PlanBuilder::define_flat(int tensor) { return flat_[tensor] = new_value(elements(tensor)); }

int PlanBuilder::define_planes(int tensor) {
  if (!is_image(tensor)) return define_flat(tensor);
  return planes_[tensor] = new_value(planes_of(shape(tensor)).floats());
}

int PlanBuilder::flat(int tensor) {
  if (flat_[tensor] < 0 && planes_[tensor] < 0) {
    // A graph that reads what nobody makes is found out here rather than by a wild pointer.
    reads_unmade_ = true;
    return define_flat(tensor);
  }
  if (flat_[tensor] < 0) {
    const int from = planes_[tensor];
    add(make_from_planes(from, define_flat(tensor), planes_of(shape(tensor))), -1);
  }
  return flat_[tensor];
}

int PlanBuilder::planes(int tensor) {
  if (!is_image(tensor)) return flat(tensor);
  if (planes_[tensor] < 0) {
    const int from = flat(tensor);
    add(make_to_planes(from, define_planes(tensor), planes_of(shape(tensor))), -1);
  }
  return planes_[tensor];
}

bool PlanBuilder::prefers_planes(int tensor) const { return planes_[tensor] >= 0; }

// Lets the steps write the graph's outputs in place; copies where one value is wanted twice or
// comes straight from an input.
void PlanBuilder::bind_outputs() {
  for (int tensor : graph_.outputs) {
    plan_.output_shapes_.push_back(shape(tensor));
    int value = flat(tensor);
    if (values_[value].external) {
      const int copy = new_value(values_[value].floats);
      add(make_copy(value, copy, values_[value].floats), -1);
      value = copy;
    }
    values_[value].external = true;
    plan_.output_values_.push_back(value);
  }
}

Status PlanBuilder::lay_out_memory(int threads) {
  std::vector<Lifetime> lifetimes;
  std::vector<int> index(values_.size(), -1);
  for (std::size_t s = 0; s < plan_.steps_.size(); ++s) {
    const Step& step = *plan_.steps_[s];
    for (const std::vector<int>* touched : {&step.reads, &step.writes}) {
      for (int value : *touched) {
        if (values_[value].external) continue;
        if (index[value] < 0) {
          index[value] = static_cast<int>(lifetimes.size());
          lifetimes.push_back({values_[value].floats, static_cast<int>(s), static_cast<int>(s)});
        }
        lifetimes[index[value]].last_step = static_cast<int>(s);
      }
    }
  }
  const ArenaPlan arena = plan_arena(lifetimes);
  plan_.arena_ = Buffer(arena.floats + kOverread);
  if (plan_.arena_.data() == nullptr) {
    return Status::error("no memory for " + std::to_string(arena.floats * sizeof(float)) +
                         " bytes of activations");
  }
  plan_.values_.assign(values_.size(), nullptr);
  for (std::size_t value = 0; value < values_.size(); ++value) {
    if (index[value] < 0) continue;
    plan_.values_[value] = plan_.arena_.data() + arena.offsets[index[value]];
  }

  std::size_t scratch = 0;
  for (const auto& step : plan_.steps_) scratch = std::max(scratch, step->scratch);
  for (int worker = 0; worker < threads; ++worker) {
    plan_.scratch_.emplace_back(scratch + kOverread);
    if (plan_.scratch_.back().data() == nullptr) return Status::error("no memory for scratch");
  }
  return {};
}

}  // namespace tfsparse
