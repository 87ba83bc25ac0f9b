// Builds graphs for tests of the core.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/elementwise/binary.h"
#include "delegate/core/operators/elementwise/unary.h"
#include "delegate/core/operators/shapes/reshape.h"
#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/operators/weighted/fully_connected.h"

namespace tfsparse {
namespace testing {

// Owns the constants of its graph.
class GraphBuilder {
 public:
  int input(Shape shape) {
    const int tensor = add_tensor(std::move(shape));
    graph.inputs.push_back(tensor);
    return tensor;
  }
  int constant(Shape shape, std::vector<float> values) {
    constants_.push_back(std::move(values));
    const int tensor = add_tensor(std::move(shape));
    graph.tensors[tensor].data = constants_.back().data();
    graph.tensors[tensor].bytes = constants_.back().size() * sizeof(float);
    return tensor;
  }
  int ints(const std::vector<std::int32_t>& values) {
    ints_.push_back(values);
    const int tensor = add_tensor({static_cast<int>(values.size())});
    graph.tensors[tensor].type = DType::kInt32;
    graph.tensors[tensor].data = ints_.back().data();
    graph.tensors[tensor].bytes = values.size() * sizeof(std::int32_t);
    return tensor;
  }
  // Makes a tensor int8 with this scale and zero point.
  int quantize(int tensor, float scale, int zero_point = 0) {
    Quantization quantization;
    quantization.scales = {scale};
    quantization.zero_points = {zero_point};
    graph.tensors[tensor].type = DType::kInt8;
    graph.tensors[tensor].quantization = std::make_shared<Quantization>(quantization);
    return tensor;
  }
  // int8 weights with a scale for each index of the dimension `axis`.
  int int8_weights(Shape shape, std::vector<std::int8_t> values, std::vector<float> scales,
                   int axis = 0) {
    int8s_.push_back(std::move(values));
    const int tensor = add_tensor(std::move(shape));
    Quantization quantization;
    quantization.zero_points.assign(scales.size(), 0);
    quantization.scales = std::move(scales);
    quantization.axis = axis;
    graph.tensors[tensor].type = DType::kInt8;
    graph.tensors[tensor].quantization = std::make_shared<Quantization>(quantization);
    graph.tensors[tensor].data = int8s_.back().data();
    graph.tensors[tensor].bytes = int8s_.back().size();
    return tensor;
  }
  Node& node(AnyOperator op, std::vector<int> inputs) {
    Node node;
    node.op = std::move(op);
    node.type = "node";
    node.inputs = std::move(inputs);
    node.output = add_tensor({});
    node.id = static_cast<int>(graph.nodes.size());
    graph.nodes.push_back(node);
    return graph.nodes.back();
  }
  // A 1x1 convolution that multiplies every channel by `scale`.
  int scaling(int x, int channels, float scale) {
    const int weights = constant({channels, 1, 1, channels}, diagonal(channels, scale));
    return node(Convolution(), {x, weights}).output;
  }
  // A fully connected layer that multiplies every channel by `scale`.
  int row_scaling(int x, int channels, float scale) {
    const int weights = constant({channels, channels}, diagonal(channels, scale));
    return node(FullyConnected(), {x, weights}).output;
  }
  int reshape(int x, Shape shape) { return node(Reshape(std::move(shape)), {x}).output; }
  int unary(int x, Unary unary, float lo, float hi) {
    UnaryOperator op(unary);
    op.epilogue.lo = lo;
    op.epilogue.hi = hi;
    return node(op, {x}).output;
  }
  int binary(int a, int b, Binary binary) { return node(BinaryOperator(binary), {a, b}).output; }

  Graph graph;

 private:
  static std::vector<float> diagonal(int size, float value) {
    std::vector<float> matrix(size * size, 0.0f);
    for (int i = 0; i < size; ++i) matrix[i * size + i] = value;
    return matrix;
  }
  int add_tensor(Shape shape) {
    Tensor tensor;
    tensor.name = "t" + std::to_string(graph.tensors.size());
    tensor.type = DType::kFloat32;
    tensor.shape = std::move(shape);
    graph.tensors.push_back(tensor);
    return static_cast<int>(graph.tensors.size()) - 1;
  }
  std::deque<std::vector<float>> constants_;
  std::deque<std::vector<std::int32_t>> ints_;
  std::deque<std::vector<std::int8_t>> int8s_;
};

}  // namespace testing
}  // namespace tfsparse
