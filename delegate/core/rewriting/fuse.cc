#include "delegate/core/rewriting/fuse.h"

#include <algorithm>
#include <utility>

#include "delegate/core/operators/elementwise/binary.h"
#include "delegate/core/operators/elementwise/unary.h"
#include "delegate/core/operators/images/pad.h"
#include "delegate/core/operators/images/resize.h"
#include "delegate/core/operators/shapes/reshape.h"
#include "delegate/core/operators/unsupported.h"
#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/operators/weighted/fully_connected.h"
#include "delegate/core/plan/layout.h"
#include "delegate/core/rewriting/affine.h"
#include "delegate/core/rewriting/epilogues.h"
#include "delegate/core/rewriting/layer_normalization.h"
#include "delegate/core/rewriting/rows.h"
#include "delegate/core/weights/int8_product.h"

namespace tfsparse {
namespace {

bool is_sigmoid(const UnaryOperator& op) {
  return op.unary == Unary::kIdentity && op.epilogue.activation == Activation::kSigmoid &&
         !clamps(op.epilogue);
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
  // Replaces two nodes by a fused one in the later one's slot, where the inputs of both exist.
  void absorb(Node* earlier, Node* later, const Node& fused) {
    forget(*earlier);
    forget(*later);
    earlier->op = Unsupported();  // drop_unused removes it
    earlier->output = -1;
    put(later, fused);
  }

  void forget(const Node& node) {
    count_uses(node, -1);
    producer_[node.output] = -1;
  }

  void put(Node* slot, const Node& node) {
    *slot = node;
    count_uses(node, 1);
    producer_[node.output] = static_cast<int>(slot - graph_.nodes.data());
  }

  // The rows of a dense layer may come from a tensor of any shape with the same last dimension. The
  // same holds for its output.
  void fold_reshapes() {
    for (Node& node : graph_.nodes) {
      if (as<FullyConnected>(node) != nullptr) {
        const int depth = graph_.tensors[node.inputs[1]].shape[1];
        count_uses(node, -1);
        while (const Node* reshape = reshapes_to(node.inputs[0])) {
          if (last_dimension(reshape->inputs[0]) != depth || !keeps_values(*reshape)) break;
          node.inputs[0] = reshape->inputs[0];
        }
        count_uses(node, 1);
      } else if (as<Reshaping>(node) != nullptr) {
        Node* layer = made_by<FullyConnected>(node.inputs[0]);
        if (layer == nullptr || uses_[layer->output] != 1 ||
            last_dimension(node.output) != last_dimension(layer->output) || !keeps_values(node)) {
          continue;
        }
        Node fused = *layer;
        fused.output = node.output;
        absorb(layer, &node, fused);
      }
    }
  }

  // The Reshaping node that makes a tensor, or null.
  const Node* reshapes_to(int tensor) const {
    const int before = producer_[tensor];
    return before >= 0 && as<Reshaping>(graph_.nodes[before]) ? &graph_.nodes[before] : nullptr;
  }

  int last_dimension(int tensor) const {
    const Shape& shape = graph_.tensors[tensor].shape;
    return shape.empty() ? 1 : shape.back();
  }

  void fold_padding() {
    for (Node& node : graph_.nodes) {
      auto* convolution = as<ImageConvolution>(node);
      const Node* pad = convolution ? made_by<Pad>(node.inputs[0]) : nullptr;
      if (pad == nullptr || !is_border(*pad) || !keeps_values(*pad)) continue;
      count_uses(node, -1);
      convolution->window.pad_top += as<Pad>(*pad)->begin[1];
      convolution->window.pad_left += as<Pad>(*pad)->begin[2];
      node.inputs[0] = pad->inputs[0];
      count_uses(node, 1);
    }
  }

  // Whether what a node copies keeps its value: int8 input and output have one scale.
  bool keeps_values(const Node& node) const {
    return have_same_quantization(graph_.tensors[node.inputs[0]], graph_.tensors[node.output]);
  }

  bool is_int8(int tensor) const { return graph_.tensors[tensor].type == DType::kInt8; }

  // Whether a pad only adds zeros around the pixels.
  bool is_border(const Node& pad) const {
    const Shape& x = graph_.tensors[pad.inputs[0]].shape;
    const Shape& y = graph_.tensors[pad.output].shape;
    return pad.inputs.size() == 2 && x.size() == 4 && x[0] == y[0] && x[3] == y[3];
  }

  void fold_swish() {
    for (Node& node : graph_.nodes) {
      const auto* product = as<BinaryOperator>(node);
      if (product == nullptr || product->binary != Binary::kMul ||
          product->epilogue.activation != Activation::kNone || is_int8(node.output)) {
        continue;
      }
      for (int side = 0; side < 2; ++side) {
        const int x = node.inputs[side];
        Node* gate = made_by<UnaryOperator>(node.inputs[1 - side]);
        if (gate == nullptr || !is_sigmoid(*as<UnaryOperator>(*gate)) || gate->inputs[0] != x ||
            uses_[gate->output] != 1) {
          continue;
        }
        Node swish = *gate;
        Epilogue& epilogue = as<UnaryOperator>(swish)->epilogue;
        epilogue = product->epilogue;
        epilogue.activation = Activation::kSwish;
        swish.output = node.output;
        absorb(gate, &node, swish);
        break;
      }
    }
  }

  void fold_activations() {
    for (Node& node : graph_.nodes) {
      const auto* activation = as<UnaryOperator>(node);
      if (activation == nullptr || activation->unary != Unary::kIdentity || is_int8(node.output)) {
        continue;
      }
      const int before = producer_[node.inputs[0]];
      if (before < 0 || uses_[node.inputs[0]] != 1) continue;
      Node fused = graph_.nodes[before];
      Epilogue* epilogue = fused.op->foldable_epilogue();
      if (epilogue == nullptr || !compose(*epilogue, activation->epilogue, epilogue)) continue;
      fused.output = node.output;
      absorb(&graph_.nodes[before], &node, fused);
    }
  }

  // Computes a 1x1 convolution before the enlarging resize in front of it, on fewer pixels. The two
  // commute, also with a bias: interpolation weights add up to one.
  void enlarge_late() {
    for (Node& node : graph_.nodes) {
      const auto* conv = as<Convolution>(node);
      if (conv == nullptr || !is_pointwise(graph_, node)) continue;
      Node* resize = made_by<Resize>(node.inputs[0]);
      if (resize == nullptr || uses_[resize->output] != 1 || is_int8(node.output) ||
          conv->epilogue.activation != Activation::kNone || !enlarges(*resize, node)) {
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
      as<Resize>(second)->epilogue = std::exchange(as<Convolution>(first)->epilogue, Epilogue());
      second.output = node.output;
      graph_.tensors.push_back(std::move(product));
      uses_.push_back(0);
      producer_.push_back(-1);
      put(resize, first);
      put(&node, second);
    }
  }

  // Whether the resize adds pixels and the convolution adds no channels.
  bool enlarges(const Node& resize, const Node& conv) const {
    const Shape& x = graph_.tensors[resize.inputs[0]].shape;
    const Shape& y = graph_.tensors[conv.output].shape;
    return x[1] > 0 && x[2] > 0 && y[1] >= x[1] && y[2] >= x[2] && (y[1] > x[1] || y[2] > x[2]) &&
           y[3] <= x[3];
  }

  void fold_residuals() {
    for (Node& node : graph_.nodes) {
      const auto* sum = as<BinaryOperator>(node);
      if (sum == nullptr || sum->binary != Binary::kAdd) continue;
      for (int side = 0; side < 2; ++side) {
        const int x = node.inputs[side], residual = node.inputs[1 - side];
        Node* conv = made_by<Convolution>(x);
        const Shape& shape = graph_.tensors[x].shape;
        if (conv == nullptr || uses_[x] != 1 || residual_of(*conv) >= 0 || x == residual ||
            graph_.tensors[residual].is_constant() || shape != graph_.tensors[residual].shape ||
            !is_image(shape) || !can_add(*conv, node, residual)) {
          continue;
        }
        Node fused = *conv;
        if (is_int8(x)) {
          as<Convolution>(fused)->before_residual = x;
          as<Convolution>(fused)->residual_epilogue = sum->epilogue;
        } else if (!is_plain(sum->epilogue)) {
          Epilogue& epilogue = as<Convolution>(fused)->epilogue;
          epilogue = sum->epilogue;
          epilogue.residual_first = true;
        }
        fused.inputs.resize(3, -1);  // in case there is no bias
        fused.inputs.push_back(residual);
        fused.output = node.output;
        absorb(conv, &node, fused);
        break;
      }
    }
  }

  // Whether a convolution can compute the ADD of its output and a residual. In float, only a
  // pointwise one applies its epilogue after the residual.
  bool can_add(const Node& conv, const Node& sum, int residual) const {
    const Epilogue& epilogue = as<BinaryOperator>(sum)->epilogue;
    if (is_int8(sum.output)) {
      int8::Add add;
      return make_add(graph_.tensors[conv.output], graph_.tensors[residual],
                      graph_.tensors[sum.output], epilogue, &add);
    }
    return is_plain(epilogue) ||
           (is_plain(as<Convolution>(conv)->epilogue) && is_pointwise(graph_, conv));
  }

  // Backwards, so that producers of unused inputs are found unused too.
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

  // Computes uses and producers from scratch.
  void look() {
    uses_.assign(graph_.tensors.size(), 0);
    producer_.assign(graph_.tensors.size(), -1);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      count_uses(graph_.nodes[i], 1);
      producer_[graph_.nodes[i].output] = static_cast<int>(i);
    }
    for (int output : graph_.outputs) ++uses_[output];
  }

  // Adds `change` to the uses of the node's inputs.
  void count_uses(const Node& node, int change) {
    for (int input : node.inputs) {
      if (input >= 0) uses_[input] += change;
    }
    // Shapes are known, so inputs that only determine the shape do not count.
    for (std::size_t i : node.op->shape_inputs(node)) uses_[node.inputs[i]] -= change;
  }

  // The node that makes a tensor if its operator is a T, else null.
  template <class T>
  Node* made_by(int tensor) {
    if (tensor < 0 || producer_[tensor] < 0) return nullptr;
    Node& node = graph_.nodes[producer_[tensor]];
    return as<T>(node) != nullptr ? &node : nullptr;
  }

  Graph& graph_;
  std::vector<int> uses_;      // by tensor, including the graph's outputs
  std::vector<int> producer_;  // node by tensor, or -1
};

}  // namespace

void fuse(Graph* graph) {
  find_layer_normalizations(graph);
  find_affine_channels(graph);
  Fusion(graph).run();
}

}  // namespace tfsparse
