// The rules of shape inference, one an operator or a family of like ones.
#pragma once

#include <map>

#include "delegate/core/graph.h"

namespace tfsparse {

using Ints = std::vector<std::int64_t>;

// What a rule sees of the graph while shapes are inferred, node after node.
class ShapeContext {
 public:
  explicit ShapeContext(Graph* graph) : graph_(*graph) {}

  const Shape& in(const Node& node, int i) const { return graph_.tensors[node.inputs[i]].shape; }
  void set_out(const Node& node, Shape shape) {
    graph_.tensors[node.output].shape = std::move(shape);
  }

  // A small integer tensor: a constant, or what the arithmetic on shapes came to.
  Status ints(int tensor, Ints* values) const {
    const auto known = ints_.find(tensor);
    if (known == ints_.end()) return read_ints(graph_.tensors[tensor], values);
    *values = known->second;
    return {};
  }
  // The same for a tensor of one value that names a dimension out of `rank`, from the end where
  // negative.
  Status axis(int tensor, std::size_t rank, int* axis) const;
  void set_ints(int tensor, Ints values) { ints_[tensor] = std::move(values); }

 private:
  Graph& graph_;
  std::map<int, Ints> ints_;
};

// Each sets the shape of the node's output, and those fields of the node that follow from shapes.
// Fails where the shapes of the inputs do not fit each other or the node's parameters.
using ShapeRule = Status (*)(ShapeContext* context, Node* node);

// windows.cc
Status infer_convolution(ShapeContext* context, Node* node);
Status infer_transpose_conv(ShapeContext* context, Node* node);
Status infer_pool(ShapeContext* context, Node* node);
Status infer_resize(ShapeContext* context, Node* node);
// products.cc
Status infer_fully_connected(ShapeContext* context, Node* node);
// elementwise.cc
Status infer_same_shape(ShapeContext* context, Node* node);
Status infer_binary(ShapeContext* context, Node* node);
Status infer_softmax(ShapeContext* context, Node* node);
// layout.cc
Status infer_pad(ShapeContext* context, Node* node);
Status infer_transpose(ShapeContext* context, Node* node);
Status infer_concatenation(ShapeContext* context, Node* node);
Status infer_split(ShapeContext* context, Node* node);
Status infer_slice(ShapeContext* context, Node* node);
Status infer_space_to_depth(ShapeContext* context, Node* node);
Status infer_depth_to_space(ShapeContext* context, Node* node);
// reshaping.cc
Status infer_reshape(ShapeContext* context, Node* node);
Status infer_squeeze(ShapeContext* context, Node* node);
Status infer_expand_dims(ShapeContext* context, Node* node);
// reduction.cc
Status infer_reduction(ShapeContext* context, Node* node);
// shape_arithmetic.cc
Status infer_shape(ShapeContext* context, Node* node);
Status infer_strided_slice(ShapeContext* context, Node* node);
Status infer_pack(ShapeContext* context, Node* node);

// Turns a number that may count dimensions from the end into one from the start; false where there
// is no such dimension.
bool normalize_axis(std::int64_t axis, std::size_t rank, int* normalized);

// The bias of a layer with weights, where it has one, holds a value for each output channel.
Status check_bias(const ShapeContext& context, const Node& node, int channels);

}  // namespace tfsparse
