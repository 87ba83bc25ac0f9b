#include "delegate/core/rewriting/layer_normalization.h"

#include <map>

#include "delegate/core/operators/elementwise/binary.h"
#include "delegate/core/operators/elementwise/layer_normalization.h"
#include "delegate/core/operators/elementwise/unary.h"
#include "delegate/core/operators/shapes/reduction.h"
#include "delegate/core/rewriting/epilogues.h"

namespace tfsparse {
namespace {

// What a chain normalizes. Names are those of tensors, -1 where there is none.
struct Chain {
  int x = -1, mean = -1, gamma = -1, beta = -1;
  float epsilon = 0;
};

// Matches operators backwards from a tensor. Each function returns false if the tensor is computed
// in another way.
class Matcher {
 public:
  explicit Matcher(const Graph& graph) : graph_(graph), index_(graph) {}

  // Keras: x * s + (beta - mean * s) with s = gamma / sqrt(variance + epsilon).
  // Others: (x - mean) * s + beta.
  bool normalization(int y, Chain* chain) const {
    if (shifted_product(y, chain)) return true;
    int normal = y, beta = -1;
    if (operands(y, Binary::kAdd, [&](int a, int b) {
          normal = a;
          beta = b;
          return is_per_channel(b, y);
        })) {
      return scaled_difference(normal, chain) && set(beta, y, &chain->beta);
    }
    return scaled_difference(y, chain);
  }

 private:
  bool shifted_product(int y, Chain* chain) const {
    return operands(y, Binary::kAdd, [&](int product, int shift) {
      return operands(product, Binary::kMul, [&](int x, int scale) {
        Chain found;
        if (!scaling(scale, &found) || found.x != x || !offset(shift, scale, &found)) return false;
        *chain = found;
        return true;
      });
    });
  }

  // -mean * scale, with beta or without.
  bool offset(int shift, int scale, Chain* chain) const {
    const auto is_scaled_mean = [&](int tensor, bool negative) {
      return operands(tensor, Binary::kMul, [&](int mean, int factor) {
        const Node* negated = unary(mean, Unary::kNegate);
        if (negative && negated == nullptr) return false;
        return factor == scale && (negative ? negated->inputs[0] : mean) == chain->mean;
      });
    };
    if (is_scaled_mean(shift, true)) return true;
    if (const Node* difference = binary(shift, Binary::kSub)) {
      return is_scaled_mean(difference->inputs[1], false) &&
             set(difference->inputs[0], chain->x, &chain->beta);
    }
    return operands(shift, Binary::kAdd, [&](int mean, int beta) {
      return is_scaled_mean(mean, true) && set(beta, chain->x, &chain->beta);
    });
  }

  // (x - mean) * scale, or that times gamma.
  bool scaled_difference(int y, Chain* chain) const {
    const auto is_difference = [&](int tensor, const Chain& found) {
      const Node* difference = binary(tensor, Binary::kSub);
      return difference && difference->inputs[0] == found.x && difference->inputs[1] == found.mean;
    };
    return operands(y, Binary::kMul, [&](int a, int b) {
      Chain found;
      if (scaling(b, &found) && is_difference(a, found)) {
        *chain = found;
        return true;
      }
      found = {};
      return is_per_channel(b, y) && operands(a, Binary::kMul, [&](int difference, int scale) {
               found = {};
               if (!reciprocal_deviation(scale, &found) || !is_difference(difference, found)) {
                 return false;
               }
               *chain = found;
               return set(b, y, &chain->gamma);
             });
    });
  }

  // gamma / sqrt(variance + epsilon), with gamma or without.
  bool scaling(int scale, Chain* chain) const {
    if (reciprocal_deviation(scale, chain)) return true;
    return operands(scale, Binary::kMul, [&](int reciprocal, int gamma) {
      return reciprocal_deviation(reciprocal, chain) && set(gamma, chain->x, &chain->gamma);
    });
  }

  bool reciprocal_deviation(int tensor, Chain* chain) const {
    const Node* root = unary(tensor, Unary::kRsqrt);
    return root && operands(root->inputs[0], Binary::kAdd, [&](int variance, int epsilon) {
             std::vector<float> value;
             const Tensor& constant = graph_.tensors[epsilon];
             if (!constant.is_constant() || !read_floats(constant, &value).ok() ||
                 value.size() != 1) {
               return false;
             }
             chain->epsilon = value[0];
             return is_variance(variance, chain);
           });
  }

  bool is_variance(int tensor, Chain* chain) const {
    const Node* mean_of_squares = mean(tensor);
    if (mean_of_squares == nullptr) return false;
    const int squares = mean_of_squares->inputs[0];
    const auto sets = [&](int x, int center) {
      const Node* mean_of_x = mean(center);
      if (mean_of_x == nullptr || mean_of_x->inputs[0] != x) return false;
      chain->x = x;
      chain->mean = center;
      return true;
    };
    if (operands(squares, Binary::kSquaredDifference, sets)) return true;
    int difference = -1;
    if (const Node* square = unary(squares, Unary::kSquare)) difference = square->inputs[0];
    if (const Node* square = binary(squares, Binary::kMul)) {
      if (square->inputs[0] == square->inputs[1]) difference = square->inputs[0];
    }
    const Node* centered = binary(difference, Binary::kSub);
    return centered && sets(centered->inputs[0], centered->inputs[1]);
  }

  // The MEAN over the last dimension that makes a tensor, or null.
  const Node* mean(int tensor) const {
    const Node* node = maker(tensor);
    const auto* reduce = node ? as<Reduce>(*node) : nullptr;
    if (reduce == nullptr || reduce->reduction != Reduction::kMean || !reduce->keep_dims) {
      return nullptr;
    }
    const Shape& shape = graph_.tensors[node->inputs[0]].shape;
    return reduce->axes == std::vector<int>{static_cast<int>(shape.size()) - 1} ? node : nullptr;
  }

  // The operator of that kind that makes a tensor, without an activation, or null.
  const Node* unary(int tensor, Unary kind) const {
    const Node* node = maker(tensor);
    const auto* op = node ? as<UnaryOperator>(*node) : nullptr;
    return op && op->unary == kind && is_plain(op->epilogue) ? node : nullptr;
  }
  const Node* binary(int tensor, Binary kind) const {
    const Node* node = maker(tensor);
    const auto* op = node ? as<BinaryOperator>(*node) : nullptr;
    return op && op->binary == kind && is_plain(op->epilogue) ? node : nullptr;
  }

  // Whether an operator of that kind makes a tensor and its inputs match, in either order.
  template <class Match>
  bool operands(int tensor, Binary kind, const Match& match) const {
    const Node* node = binary(tensor, kind);
    return node &&
           (match(node->inputs[0], node->inputs[1]) || match(node->inputs[1], node->inputs[0]));
  }

  // Whether a constant has one number for each channel of `tensor`.
  bool is_per_channel(int constant, int tensor) const {
    return graph_.tensors[constant].is_constant() &&
           is_one_per_channel(graph_.tensors[constant].shape, graph_.tensors[tensor].shape);
  }

  bool set(int constant, int tensor, int* parameter) const {
    *parameter = constant;
    return is_per_channel(constant, tensor);
  }

  const Node* maker(int tensor) const {
    const int node = tensor < 0 ? -1 : index_.maker(tensor);
    return node < 0 ? nullptr : &graph_.nodes[node];
  }

  const Graph& graph_;
  const GraphIndex index_;
};

}  // namespace

void find_layer_normalizations(Graph* graph) {
  std::map<int, Chain> found;  // by node
  const Matcher matcher(*graph);
  for (std::size_t i = 0; i < graph->nodes.size(); ++i) {
    const Node& node = graph->nodes[i];
    Chain chain;
    if (as<BinaryOperator>(node) != nullptr &&
        graph->tensors[node.output].type == DType::kFloat32 &&
        matcher.normalization(node.output, &chain) &&
        graph->tensors[chain.x].shape == graph->tensors[node.output].shape) {
      found[static_cast<int>(i)] = chain;
    }
  }
  for (const auto& [i, chain] : found) {
    graph->nodes[i].op = LayerNormalization(chain.epsilon);
    graph->nodes[i].inputs = {chain.x, chain.gamma, chain.beta};
  }
}

}  // namespace tfsparse
