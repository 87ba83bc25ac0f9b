#include "delegate/core/fuse.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "delegate/core/rows.h"
#include "delegate/core/step.h"

namespace tfsparse {
namespace {

bool clamps(const Epilogue& epilogue) {
  return !std::isinf(epilogue.lo) || !std::isinf(epilogue.hi);
}

bool is_plain(const Epilogue& epilogue) {
  return epilogue.activation == Activation::kNone && !clamps(epilogue);
}

// The epilogue that does `first`, then `second`; false where no single one does.
bool compose(Epilogue first, const Epilogue& second, Epilogue* result) {
  if (second.activation == Activation::kNone) {
    *result = first;
    result->lo = std::min(std::max(first.lo, second.lo), second.hi);
    result->hi = std::min(std::max(first.hi, second.lo), second.hi);
    return true;
  }
  *result = second;
  return is_plain(first);
}

bool is_sigmoid(const Node& unary) {
  return unary.unary == Unary::kIdentity && unary.epilogue.activation == Activation::kSigmoid &&
         !clamps(unary.epilogue);
}

class Fusion {
 public:
  explicit Fusion(Graph* graph) : graph_(*graph) { look(); }

  void run() {
    fold_reshapes();
    drop_unused();
    fold_padding();
    drop_unused();
    fold_swish();
    drop_unused();
    fold_activations();
    drop_unused();
    enlarge_late();
    convolve_rows(&graph_);
    look();
    fold_residuals();
    drop_unused();
  }

 private:
  // A fused node takes the later place, where all that either node reads is there.
  void absorb(Node* earlier, Node* later, const Node& fused) {
    forget(*earlier);
    forget(*later);
    earlier->op = Op::kUnsupported;  // unused now, and dropped by drop_unused
    earlier->output = -1;
    put(later, fused);
  }

  void forget(const Node& node) {
    count_uses(node, -1);
    producer_[node.output] = -1;
  }

  void put(Node* place, const Node& node) {
    *place = node;
    count_uses(node, 1);
    producer_[node.output] = static_cast<int>(place - graph_.nodes.data());
  }

  // A dense layer takes its rows from a tensor of any shape, and gives its output any, whose last
  // dimension is the same.
  void fold_reshapes() {
    for (Node& node : graph_.nodes) {
      if (node.op == Op::kFullyConnected) {
        const int depth = graph_.tensors[node.inputs[1]].shape[1];
        count_uses(node, -1);
        while (const Node* reshape = reshapes_to(node.inputs[0])) {
          if (last_dimension(reshape->inputs[0]) != depth) break;
          node.inputs[0] = reshape->inputs[0];
        }
        count_uses(node, 1);
      } else if (is_reshape(node)) {
        Node* layer = made_by(node.inputs[0], Op::kFullyConnected);
        if (layer == nullptr || uses_[layer->output] != 1 ||
            last_dimension(node.output) != last_dimension(layer->output)) {
          continue;
        }
        Node fused = *layer;
        fused.output = node.output;
        absorb(layer, &node, fused);
      }
    }
  }

  // The node that only gives a tensor its shape, or null.
  const Node* reshapes_to(int tensor) const {
    const int before = producer_[tensor];
    return before >= 0 && is_reshape(graph_.nodes[before]) ? &graph_.nodes[before] : nullptr;
  }

  int last_dimension(int tensor) const {
    const Shape& shape = graph_.tensors[tensor].shape;
    return shape.empty() ? 1 : shape.back();
  }

  void fold_padding() {
    for (Node& node : graph_.nodes) {
      if (node.op != Op::kConv2D && node.op != Op::kDepthwiseConv2D) continue;
      const Node* pad = made_by(node.inputs[0], Op::kPad);
      if (pad == nullptr || !is_border(*pad)) continue;
      count_uses(node, -1);
      node.pad_top += pad->begin[1];
      node.pad_left += pad->begin[2];
      node.inputs[0] = pad->inputs[0];
      count_uses(node, 1);
    }
  }

  // Whether a pad adds zeros around the pixels, and nothing else.
  bool is_border(const Node& pad) const {
    const Shape& x = graph_.tensors[pad.inputs[0]].shape;
    const Shape& y = graph_.tensors[pad.output].shape;
    return pad.inputs.size() == 2 && x.size() == 4 && x[0] == y[0] && x[3] == y[3];
  }

  void fold_swish() {
    for (Node& node : graph_.nodes) {
      if (node.op != Op::kBinary || node.binary != Binary::kMul) continue;
      for (int side = 0; side < 2; ++side) {
        const int x = node.inputs[side];
        Node* gate = made_by(node.inputs[1 - side], Op::kUnary);
        if (gate == nullptr || !is_sigmoid(*gate) || gate->inputs[0] != x ||
            uses_[gate->output] != 1 || node.epilogue.activation != Activation::kNone) {
          continue;
        }
        Node swish = *gate;
        swish.epilogue = node.epilogue;
        swish.epilogue.activation = Activation::kSwish;
        swish.output = node.output;
        absorb(gate, &node, swish);
        break;
      }
    }
  }

  void fold_activations() {
    for (Node& node : graph_.nodes) {
      if (node.op != Op::kUnary || node.unary != Unary::kIdentity) continue;
      const int before = producer_[node.inputs[0]];
      if (before < 0 || uses_[node.inputs[0]] != 1) continue;
      Node fused = graph_.nodes[before];
      if (fused.op != Op::kConv2D && fused.op != Op::kDepthwiseConv2D &&
          fused.op != Op::kFullyConnected && fused.op != Op::kTransposeConv &&
          fused.op != Op::kBinary && fused.op != Op::kUnary) {
        continue;
      }
      if (!compose(fused.epilogue, node.epilogue, &fused.epilogue)) continue;
      fused.output = node.output;
      absorb(&graph_.nodes[before], &node, fused);
    }
  }

  // A 1x1 convolution of an enlarged image is that of the image, enlarged: bilinear weights add up
  // to one, as the bias needs. It multiplies fewer pixels then.
  void enlarge_late() {
    for (Node& node : graph_.nodes) {
      if (node.op != Op::kConv2D || !is_pointwise(graph_, node)) continue;
      Node* resize = made_by(node.inputs[0], Op::kResize);
      if (resize == nullptr || uses_[resize->output] != 1 ||
          node.epilogue.activation != Activation::kNone || !enlarges(*resize, node)) {
        continue;
      }
      const Tensor& small = graph_.tensors[resize->inputs[0]];
      Tensor product = graph_.tensors[node.output];
      product.shape[1] = small.shape[1];
      product.shape[2] = small.shape[2];
      forget(node);
      forget(*resize);
      Node first = node, second = *resize;
      first.inputs[0] = second.inputs[0];
      second.inputs[0] = first.output = static_cast<int>(graph_.tensors.size());
      second.epilogue = std::exchange(first.epilogue, Epilogue());
      second.output = node.output;
      graph_.tensors.push_back(std::move(product));
      uses_.push_back(0);
      producer_.push_back(-1);
      put(resize, first);
      put(&node, second);
    }
  }

  // Whether an image has more pixels when resized, and no more channels after the convolution.
  bool enlarges(const Node& resize, const Node& conv) const {
    const Shape& x = graph_.tensors[resize.inputs[0]].shape;
    const Shape& y = graph_.tensors[conv.output].shape;
    return x[1] > 0 && x[2] > 0 && y[1] >= x[1] && y[2] >= x[2] && (y[1] > x[1] || y[2] > x[2]) &&
           y[3] <= x[3];
  }

  void fold_residuals() {
    for (Node& node : graph_.nodes) {
      if (node.op != Op::kBinary || node.binary != Binary::kAdd) continue;
      for (int side = 0; side < 2; ++side) {
        const int x = node.inputs[side], residual = node.inputs[1 - side];
        Node* conv = made_by(x, Op::kConv2D);
        const Shape& shape = graph_.tensors[x].shape;
        if (conv == nullptr || uses_[x] != 1 || conv->residual >= 0 || x == residual ||
            graph_.tensors[residual].is_constant() || shape != graph_.tensors[residual].shape ||
            !is_image(shape) || !(is_plain(node.epilogue) || clamps_late(*conv))) {
          continue;
        }
        Node fused = *conv;
        if (!is_plain(node.epilogue)) {
          fused.epilogue = node.epilogue;
          fused.epilogue.residual_first = true;
        }
        fused.residual = residual;
        fused.output = node.output;
        absorb(conv, &node, fused);
        break;
      }
    }
  }

  // Whether a convolution can have the epilogue of an addition to it. That of another kernel size
  // may add residuals when all else is done.
  bool clamps_late(const Node& conv) const {
    return is_plain(conv.epilogue) && is_pointwise(graph_, conv);
  }

  // From the last to the first: who made what only an unused node reads comes before it.
  void drop_unused() {
    auto& nodes = graph_.nodes;
    const auto unused = [&](const Node& node) {
      if (node.output >= 0 && uses_[node.output] > 0) return false;
      if (node.output >= 0) forget(node);
      return true;
    };
    nodes.erase(nodes.begin(), std::remove_if(nodes.rbegin(), nodes.rend(), unused).base());
    for (std::size_t i = 0; i < nodes.size(); ++i) producer_[nodes[i].output] = static_cast<int>(i);
  }

  // Finds out who makes and who reads what.
  void look() {
    uses_.assign(graph_.tensors.size(), 0);
    producer_.assign(graph_.tensors.size(), -1);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      count_uses(graph_.nodes[i], 1);
      producer_[graph_.nodes[i].output] = static_cast<int>(i);
    }
    for (int output : graph_.outputs) ++uses_[output];
  }

  // Adds `change` to the uses of all that a node reads.
  void count_uses(const Node& node, int change) {
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      // A shape is known by now: who computed it is of no more use.
      const bool data = static_cast<int>(k) != shape_input(node);
      if (data && node.inputs[k] >= 0) uses_[node.inputs[k]] += change;
    }
    if (node.residual >= 0) uses_[node.residual] += change;
  }

  Node* made_by(int tensor, Op op) {
    if (tensor < 0 || producer_[tensor] < 0) return nullptr;
    Node& node = graph_.nodes[producer_[tensor]];
    return node.op == op ? &node : nullptr;
  }

  Graph& graph_;
  std::vector<int> uses_;      // of each tensor, the graph's outputs among them
  std::vector<int> producer_;  // of each tensor, or -1
};

}  // namespace

void fuse(Graph* graph) { Fusion(graph).run(); }

}  // namespace tfsparse
