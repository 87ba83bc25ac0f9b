#include "delegate/core/assignment/assignment.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <set>

#include "delegate/core/graph/support.h"
#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/operators/weighted/fully_connected.h"

namespace tfsparse {
namespace {

template <class T>
double zero_fraction(const std::vector<T>& values) {
  const auto zeros = std::count(values.begin(), values.end(), T(0));
  return values.empty() ? 0.0 : static_cast<double>(zeros) / values.size();
}

class Assigner {
 public:
  Assigner(const Graph& graph, std::vector<Assignment>* assignments)
      : graph_(graph), index_(graph), assignments_(*assignments), is_output_(graph.tensors.size()) {
    for (int output : graph.outputs) is_output_[output] = true;
  }

  Status run() {
    const SupportContext context(graph_, index_);
    assignments_.assign(graph_.nodes.size(), {});
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      assignments_[i].reason = unsupported_because(context, node);
      if (node.op->has_weights() && assignments_[i].taken() &&
          index_.stored_constant(node.inputs[1]) >= 0) {
        TFSPARSE_RETURN_IF_ERROR(count_zeros(node, &assignments_[i]));
      }
    }
    leave_dependents();
    return {};
  }

  // Leaves three kinds of nodes and repeats until nothing changes: those that make a constant or a
  // shape for a node outside the delegate, those whose shape is unknown at planning time, and those
  // of an operator that is left in part.
  void leave_dependents() {
    partly_left_.clear();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!assignments_[i].taken()) partly_left_.insert(graph_.nodes[i].id);
    }
    std::deque<int> pending(graph_.nodes.size());
    std::iota(pending.begin(), pending.end(), 0);
    for (; !pending.empty(); pending.pop_front()) {
      const int i = pending.front();
      if (!assignments_[i].taken()) continue;
      assignments_[i].reason = dependence(graph_.nodes[i]);
      if (!assignments_[i].taken()) requeue_neighbours(graph_.nodes[i], &pending);
    }
  }

 private:
  Status count_zeros(const Node& node, Assignment* assignment) const {
    assignment->weights = index_.stored_constant(node.inputs[1]);
    const Tensor& weights = graph_.tensors[assignment->weights];
    if (weights.type == DType::kInt8) {
      std::vector<std::int8_t> values;
      TFSPARSE_RETURN_IF_ERROR(read_int8(weights, &values));
      assignment->weight_zeros = zero_fraction(values);
    } else {
      std::vector<float> values;
      TFSPARSE_RETURN_IF_ERROR(read_floats(weights, &values));
      assignment->weight_zeros = zero_fraction(values);
    }
    return {};
  }

  // Why a node must be left because other nodes are. Empty if it can be taken.
  std::string dependence(const Node& node) const {
    if (node.op->role() != Role::kComputation && needed_elsewhere(node.output)) {
      return "its output is read outside the delegate";
    }
    for (std::size_t i : node.op->shape_inputs(node)) {
      if (known_when_planning(node.inputs[i])) continue;
      return node.op->role() == Role::kShapeArithmetic
                 ? "is not arithmetic on shapes"
                 : "integers that it needs are computed at run time";
    }
    // The runtime sees all nodes with one id as one operator.
    return partly_left_.count(node.id) ? "another output of the operator is left to TFLite" : "";
  }

  // Queues the nodes that may have to be left because `node` is.
  void requeue_neighbours(const Node& node, std::deque<int>* pending) {
    for (int input : node.inputs) {
      if (input >= 0 && index_.maker(input) >= 0) pending->push_back(index_.maker(input));
    }
    const std::vector<int>& readers = index_.readers(node.output);
    pending->insert(pending->end(), readers.begin(), readers.end());
    if (!partly_left_.insert(node.id).second) return;
    const std::vector<int> parts = nodes_of(graph_, index_, {node.id});
    pending->insert(pending->end(), parts.begin(), parts.end());
  }

  bool needed_elsewhere(int output) const {
    const std::vector<int>& readers = index_.readers(output);
    return is_output_[output] || std::any_of(readers.begin(), readers.end(), [&](int reader) {
             return !assignments_[reader].taken();
           });
  }

  bool known_when_planning(int tensor) const {
    if (graph_.tensors[tensor].is_constant()) return true;
    const int maker = index_.maker(tensor);
    return maker >= 0 && assignments_[maker].taken() &&
           graph_.nodes[maker].op->role() == Role::kShapeArithmetic;
  }

  const Graph& graph_;
  const GraphIndex index_;
  std::vector<Assignment>& assignments_;
  std::vector<bool> is_output_;  // by tensor
  std::set<int> partly_left_;    // operator ids
};

}  // namespace

Status assign_nodes(const Graph& graph, std::vector<Assignment>* assignments) {
  return Assigner(graph, assignments).run();
}

double product_macs(const Graph& graph, const Node& node) {
  if (as<Convolution>(node) == nullptr && as<FullyConnected>(node) == nullptr) return 0;
  const Shape& weights = graph.tensors[node.inputs[1]].shape;
  const double outputs = element_count(graph.tensors[node.output].shape);
  return outputs == 0 ? 0 : outputs * element_count(weights) / weights[0];
}

double skipped_share(const Graph& graph, const std::vector<Assignment>& assignments,
                     const std::vector<int>& nodes) {
  double macs = 0, skipped = 0;
  for (int i : nodes) {
    const double one = product_macs(graph, graph.nodes[i]);
    macs += one;
    skipped += one * assignments[i].weight_zeros;
  }
  return macs == 0 ? 0 : skipped / macs;
}

void leave_dependents(const Graph& graph, std::vector<Assignment>* assignments) {
  Assigner(graph, assignments).leave_dependents();
}

}  // namespace tfsparse
