#include "delegate/core/rewriting/groups.h"

#include <memory>
#include <utility>
#include <vector>

#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/operators/weighted/depthwise_convolution.h"

namespace tfsparse {
namespace {

// Where the weights [outputs, taps, channels of a group] are in those of the new operator.
class Rearrangement {
 public:
  Rearrangement(const Shape& w, int groups)
      : outputs_(w[0]), taps_(std::size_t{1} * w[1] * w[2]), depth_(w[3]), groups_(groups) {}

  // In [taps, outputs] if a group is one channel, else in [outputs, taps, all channels].
  std::size_t position(std::size_t i) const {
    if (depth_ == 1) return i % taps_ * outputs_ + i / taps_;
    const std::size_t pixel = i / depth_, output = pixel / taps_;
    const std::size_t group = output / (outputs_ / groups_);
    return (pixel * groups_ + group) * depth_ + i % depth_;
  }
  std::size_t size() const { return outputs_ * taps_ * depth_ * (depth_ == 1 ? 1 : groups_); }

 private:
  std::size_t outputs_, taps_, depth_, groups_;
};

class Ungrouping {
 public:
  explicit Ungrouping(Graph* graph) : graph_(*graph) {}

  Status run() {
    for (Node& node : graph_.nodes) {
      if (as<Convolution>(node) == nullptr) continue;
      const Shape& image = graph_.tensors[node.inputs[0]].shape;
      const int groups = groups_of(image, graph_.tensors[node.inputs[1]].shape);
      if (groups > 1) TFSPARSE_RETURN_IF_ERROR(ungroup(groups, &node));
    }
    return {};
  }

 private:
  Status ungroup(int groups, Node* node) {
    Tensor weights = graph_.tensors[node->inputs[1]];
    const bool is_int8 = weights.type == DType::kInt8;
    TFSPARSE_RETURN_IF_ERROR(is_int8 ? rearrange(groups, read_int8, &weights)
                                     : rearrange(groups, read_floats, &weights));
    if (!is_int8) weights.type = DType::kFloat32;
    Shape& shape = weights.shape;
    if (shape[3] == 1) {
      shape = {1, shape[1], shape[2], shape[0]};
      move_scales(&weights);
      make_depthwise(node);
    } else {
      shape[3] *= groups;
      as<Convolution>(*node)->groups = groups;
    }
    node->inputs[1] = static_cast<int>(graph_.tensors.size());
    graph_.tensors.push_back(std::move(weights));
    return {};
  }

  // Replaces the values of `weights`.
  template <class T>
  static Status rearrange(int groups, Status (*read)(const Tensor&, std::vector<T>*),
                          Tensor* weights) {
    std::vector<T> stored;
    TFSPARSE_RETURN_IF_ERROR(read(*weights, &stored));
    const Rearrangement to(weights->shape, groups);
    std::vector<T> values(to.size(), T(0));
    for (std::size_t i = 0; i < stored.size(); ++i) values[to.position(i)] = stored[i];
    set_constant(std::move(values), weights);
    return {};
  }

  // The outputs are the last dimension of depthwise weights.
  static void move_scales(Tensor* weights) {
    if (weights->quantization == nullptr) return;
    auto quantization = std::make_shared<Quantization>(*weights->quantization);
    quantization->axis = 3;
    weights->quantization = std::move(quantization);
  }

  static void make_depthwise(Node* node) {
    const Convolution& grouped = *as<Convolution>(*node);
    DepthwiseConvolution depthwise;
    depthwise.window = grouped.window;
    depthwise.epilogue = grouped.epilogue;
    node->op = std::move(depthwise);
  }

  Graph& graph_;
};

}  // namespace

Status ungroup_convolutions(Graph* graph) { return Ungrouping(graph).run(); }

}  // namespace tfsparse
