#include "delegate/core/select.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <set>

namespace tfsparse {
namespace {

bool is_preparation(Op op) {
  return op == Op::kDensify || op == Op::kDequantize || op == Op::kShape ||
         op == Op::kStridedSlice || op == Op::kPack;
}

class Selection {
 public:
  Selection(const Graph& graph, std::vector<Verdict>* verdicts)
      : graph_(graph), index_(graph), verdicts_(*verdicts), is_output_(graph.tensors.size()) {
    for (int output : graph.outputs) is_output_[output] = true;
  }

  Status run() {
    verdicts_.assign(graph_.nodes.size(), {});
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      verdicts_[i].reason = objection(node);
      if (has_weights(node) && verdicts_[i].taken()) {
        TFSPARSE_RETURN_IF_ERROR(count_zeros(node, &verdicts_[i]));
      }
    }
    leave_dependents();
    return {};
  }

  // Leaves the preparations that somebody else needs, the nodes whose output's shape is then not
  // known when the plan is made, and operators of which a part is left; and so on, as far as that
  // has consequences.
  void leave_dependents() {
    partly_left_.clear();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!verdicts_[i].taken()) partly_left_.insert(graph_.nodes[i].id);
    }
    std::deque<int> pending(graph_.nodes.size());
    std::iota(pending.begin(), pending.end(), 0);
    for (; !pending.empty(); pending.pop_front()) {
      const int i = pending.front();
      if (!verdicts_[i].taken()) continue;
      verdicts_[i].reason = dependence(graph_.nodes[i]);
      if (!verdicts_[i].taken()) look_again_around(graph_.nodes[i], &pending);
    }
  }

 private:
  const Tensor& tensor(int index) const { return graph_.tensors[index]; }

  // What speaks against the node, seen by itself.
  std::string objection(const Node& node) const {
    const std::string quantized = quantized_type(node);
    if (!quantized.empty()) return "computes in " + quantized;
    if (node.op == Op::kUnsupported) return node.problem;
    for (int input : node.inputs) {
      if (input >= 0 && tensor(input).shape.size() > 6) return "more than 6 dimensions";
    }
    const Tensor& output = tensor(node.output);
    if (!is_preparation(node.op) && output.type != DType::kFloat32) {
      return std::string("output is of ") + to_string(output.type);
    }
    switch (node.op) {
      case Op::kConv2D:
      case Op::kDepthwiseConv2D:
        return convolution(node);
      case Op::kTransposeConv:
        return transpose_conv(node);
      case Op::kFullyConnected:
        return weights(node, 2);
      case Op::kPad:
      case Op::kResize:
      case Op::kReduce:
      case Op::kTranspose:
      case Op::kExpandDims:
      case Op::kSplit:
      case Op::kSlice:
        return constant_parameters(node);
      case Op::kPool:
        return pool(node);
      case Op::kBinary:
      case Op::kConcatenation:
        return float_inputs(node);
      case Op::kUnary:
      case Op::kSoftmax:
      case Op::kReshape:
      case Op::kSqueeze:
      case Op::kSpaceToDepth:
      case Op::kDepthToSpace:
        return float_input(node);
      case Op::kStridedSlice:
        return slice(node);
      case Op::kPack:
        return pack(node);
      case Op::kDensify:
      case Op::kDequantize:
        return index_.stored_constant(node.output) < 0 ? "input is no constant" : "";
      default:
        return "";
    }
  }

  // The type that a quantised operator computes in; empty for others.
  std::string quantized_type(const Node& node) const {
    if (node.op == Op::kShape) return "";  // It reads no values.
    for (int index : {node.inputs.empty() ? -1 : node.inputs[0], node.output}) {
      if (index < 0) continue;
      const DType type = tensor(index).type;
      if (type == DType::kInt8 || type == DType::kUInt8 || type == DType::kInt16) {
        return to_string(type);
      }
    }
    return "";
  }

  std::string float_input(const Node& node) const {
    const Tensor& x = tensor(node.inputs[0]);
    if (x.type != DType::kFloat32) return std::string("type is ") + to_string(x.type);
    if (index_.stored_constant(node.inputs[0]) >= 0) return "input is a constant";
    if (node.op == Op::kSoftmax && x.shape.empty()) return "input is a scalar";
    return "";
  }

  // Of an operator whose inputs are floats all alike, constants among them.
  std::string float_inputs(const Node& node) const {
    bool any_computed = false;
    for (int input : node.inputs) {
      const int constant = index_.stored_constant(input);
      const DType type = tensor(constant >= 0 ? constant : input).type;
      const bool widens = constant >= 0 && type == DType::kFloat16;
      if (type != DType::kFloat32 && !widens) return std::string("type is ") + to_string(type);
      any_computed = any_computed || constant < 0;
    }
    return any_computed ? "" : "all inputs are constants";
  }

  // Of an operator on the first input whose other inputs say what it does.
  std::string constant_parameters(const Node& node) const {
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      if (!tensor(node.inputs[i]).is_constant()) return "its parameters are computed at run time";
    }
    return float_input(node);
  }

  std::string pool(const Node& node) const {
    const std::string problem = float_input(node);
    if (!problem.empty()) return problem;
    return tensor(node.inputs[0]).shape.size() == 4 ? "" : "pools no 4-D tensor";
  }

  // Of the shape of a tensor: one dimension, step 1.
  std::string slice(const Node& node) const {
    std::vector<std::int64_t> values[3];
    for (int i = 0; i < 3; ++i) {
      if (!read_ints(tensor(node.inputs[i + 1]), &values[i]).ok() || values[i].size() != 1) {
        return "is no plain slice of a shape";
      }
    }
    const bool plain = values[2][0] == 1 && node.other_masks == 0;
    return plain && tensor(node.inputs[0]).shape.size() == 1 ? "" : "is no plain slice of a shape";
  }

  std::string pack(const Node& node) const {
    for (int input : node.inputs) {
      const Tensor& value = tensor(input);
      const bool whole = value.type == DType::kInt32 || value.type == DType::kInt64;
      if (!whole || !value.shape.empty()) return "packs other values than sizes";
    }
    return "";
  }

  std::string weights(const Node& node, std::size_t rank) const {
    const std::string problem = float_input(node);
    if (!problem.empty()) return problem;
    for (std::size_t i = 1; i < std::min<std::size_t>(node.inputs.size(), 3); ++i) {
      if (i == 2 && node.inputs[i] < 0) continue;  // no bias
      const int constant = index_.stored_constant(node.inputs[i]);
      const char* what = i == 1 ? "weights" : "bias";
      if (constant < 0) return std::string(what) + " are computed at run time";
      const DType type = tensor(constant).type;
      if (type != DType::kFloat32 && type != DType::kFloat16) {
        return std::string(what) + " are of " + to_string(type);
      }
    }
    const Shape& shape = tensor(index_.stored_constant(node.inputs[1])).shape;
    if (shape.size() != rank || *std::min_element(shape.begin(), shape.end()) < 1) {
      return "weights have an unexpected shape";
    }
    return "";
  }

  std::string convolution(const Node& node) const {
    const std::string problem = weights(node, 4);
    if (!problem.empty()) return problem;
    const Shape& x = tensor(node.inputs[0]).shape;
    const Shape& w = tensor(index_.stored_constant(node.inputs[1])).shape;
    if (x.size() != 4) return "input is no 4-D tensor";
    if (node.op == Op::kConv2D) {
      if (x[3] != w[3]) return "grouped convolution";
    } else if (x[3] < 1 || w[3] % x[3] != 0 || w[0] != 1) {
      return "weights have an unexpected shape";
    }
    if (std::min({node.stride_h, node.stride_w, node.dilation_h, node.dilation_w, w[1], w[2]}) <
        1) {
      return "stride, dilation or kernel below 1";
    }
    return "";
  }

  std::string transpose_conv(const Node& node) const {
    const std::string problem = weights(node, 4);
    if (!problem.empty()) return problem;
    return tensor(node.inputs[0]).shape.size() == 4 ? "" : "input is no 4-D tensor";
  }

  Status count_zeros(const Node& node, Verdict* verdict) const {
    verdict->weights = index_.stored_constant(node.inputs[1]);
    std::vector<float> values;
    TFSPARSE_RETURN_IF_ERROR(read_floats(tensor(verdict->weights), &values));
    const auto zeros = std::count(values.begin(), values.end(), 0.0f);
    verdict->weight_zeros = values.empty() ? 0.0 : static_cast<double>(zeros) / values.size();
    return {};
  }

  // What speaks against the node because of others that are left.
  std::string dependence(const Node& node) const {
    if (is_preparation(node.op) && needed_elsewhere(node.output)) {
      return "its result is needed outside the delegate";
    }
    const int shape = shape_input(node);
    if (shape >= 0 && !known_when_planning(node.inputs[shape])) {
      return "target shape is computed at run time";
    }
    if (node.op == Op::kStridedSlice || node.op == Op::kPack) {
      const bool known = std::all_of(node.inputs.begin(), node.inputs.end(),
                                     [&](int input) { return known_when_planning(input); });
      if (!known) return "is no arithmetic on shapes";
    }
    // Nodes of one id are one operator to the runtime.
    return partly_left_.count(node.id) ? "another of its outputs is left" : "";
  }

  // The nodes that a node which was just left may be a dependence of.
  void look_again_around(const Node& node, std::deque<int>* pending) {
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
             return !verdicts_[reader].taken();
           });
  }

  bool known_when_planning(int index) const {
    if (tensor(index).is_constant()) return true;
    const int maker = index_.maker(index);
    if (maker < 0) return false;
    const Op op = graph_.nodes[maker].op;
    return verdicts_[maker].taken() &&
           (op == Op::kShape || op == Op::kStridedSlice || op == Op::kPack);
  }

  const Graph& graph_;
  const GraphIndex index_;
  std::vector<Verdict>& verdicts_;
  std::vector<bool> is_output_;  // of each tensor
  std::set<int> partly_left_;    // ids of operators
};

}  // namespace

void leave_dependents(const Graph& graph, std::vector<Verdict>* verdicts) {
  Selection(graph, verdicts).leave_dependents();
}

bool has_weights(const Node& node) {
  return node.op == Op::kConv2D || node.op == Op::kDepthwiseConv2D ||
         node.op == Op::kFullyConnected || node.op == Op::kTransposeConv;
}

Status select_nodes(const Graph& graph, std::vector<Verdict>* verdicts) {
  return Selection(graph, verdicts).run();
}

}  // namespace tfsparse
