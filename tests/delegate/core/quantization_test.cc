// Which scales and zero points the kernels can use, and which are a reason to leave a node.
#include "delegate/core/graph/quantization.h"

#include <cmath>
#include <limits>

#include "delegate/core/graph/graph.h"
#include "delegate/core/graph/support.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"

namespace tfsparse {
namespace {

using testing::GraphBuilder;

Tensor quantized(Quantization quantization, Shape shape = {4, 2}) {
  Tensor tensor;
  tensor.type = DType::kInt8;
  tensor.shape = std::move(shape);
  tensor.quantization = std::make_shared<Quantization>(std::move(quantization));
  return tensor;
}

TEST(UnsupportedActivation, IsAnyScaleThatIsNotPositiveAndFinite) {
  EXPECT_EQ(unsupported_activation(quantized({{0.5f}, {-128}})), "");
  for (float scale : {0.0f, -1.0f, NAN, std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(unsupported_activation(quantized({{scale}, {0}})),
              "a scale is not positive and finite");
  }
  EXPECT_EQ(unsupported_activation(quantized({{1, 2}, {0, 0}})), "int8 tensor has several scales");
  EXPECT_EQ(unsupported_activation(quantized({{1}, {}})),
            "int8 tensor has 1 scales and 0 zero points");
  EXPECT_EQ(unsupported_activation(quantized({{1}, {128}})), "zero point 128 is no int8 number");
  EXPECT_EQ(unsupported_activation(Tensor()), "int8 tensor has no scale");
}

TEST(UnsupportedWeights, AreThoseWhoseScalesDoNotFitTheirChannels) {
  const auto reason = [](Quantization quantization, int axis) {
    return unsupported_int8_weights(quantized(std::move(quantization)), axis);
  };
  EXPECT_EQ(reason({{1}, {0}}, 0), "");
  EXPECT_EQ(reason({{1, 2, 3, 4}, {0, 0, 0, 0}}, 0), "");
  EXPECT_EQ(reason({{1, 2}, {0, 0}, 1}, 1), "");
  EXPECT_EQ(reason({{1, 2}, {0, 0}, 1}, 0), "weights have scales along dimension 1");
  EXPECT_EQ(reason({{1, 2}, {0, 0}}, 0), "weights have 2 scales for 4 channels");
  EXPECT_EQ(reason({{1, 2, 3, NAN}, {0, 0, 0, 0}}, 0), "a scale is not positive and finite");
  EXPECT_EQ(reason({{1}, {3}}, 0), "weights have a zero point other than 0");
}

TEST(ReadFloats, MultipliesInt8WeightsByTheScalesOfTheirAxis) {
  GraphBuilder b;
  const int by_row = b.int8_weights({2, 2}, {1, 2, 3, -4}, {0.5f, 10});
  const int by_column = b.int8_weights({2, 2}, {1, 2, 3, -4}, {0.5f, 10}, 1);
  std::vector<float> values;
  ASSERT_TRUE(read_floats(b.graph.tensors[by_row], &values).ok());
  EXPECT_EQ(values, (std::vector<float>{0.5f, 1, 30, -40}));
  ASSERT_TRUE(read_floats(b.graph.tensors[by_column], &values).ok());
  EXPECT_EQ(values, (std::vector<float>{0.5f, 20, 1.5f, -40}));
  const int wrong = b.int8_weights({2, 2}, {1, 2, 3, -4}, {0.5f, 10}, 7);
  EXPECT_FALSE(read_floats(b.graph.tensors[wrong], &values).ok());
}

// The reason why a 1x1 convolution is left, with an input and an output of these types.
std::string convolution_reason(DType input, DType output, bool int8_weights) {
  GraphBuilder b;
  const int x = b.input({1, 2, 2, 4});
  const int weights = int8_weights ? b.int8_weights({1, 1, 1, 4}, {1, 2, 3, 4}, {1})
                                   : b.constant({1, 1, 1, 4}, {1, 2, 3, 4});
  const Node node = b.node(Convolution(), {x, weights});
  for (auto [tensor, type] : {std::pair{x, input}, {node.output, output}}) {
    if (type == DType::kInt8) b.quantize(tensor, 1);
    b.graph.tensors[tensor].type = type;
  }
  return unsupported_because(SupportContext(b.graph, GraphIndex(b.graph)), node);
}

TEST(UnsupportedBecause, TypesOfALayerMustFit) {
  EXPECT_EQ(convolution_reason(DType::kInt8, DType::kInt8, true), "");
  EXPECT_EQ(convolution_reason(DType::kFloat32, DType::kFloat32, true), "");
  EXPECT_EQ(convolution_reason(DType::kInt8, DType::kInt8, false), "weights are of float32");
  EXPECT_EQ(convolution_reason(DType::kInt8, DType::kFloat32, true),
            "input is of int8, output of float32");
  EXPECT_EQ(convolution_reason(DType::kFloat32, DType::kInt8, true),
            "input is of float32, output of int8");
  EXPECT_EQ(convolution_reason(DType::kUInt8, DType::kUInt8, true), "computes in uint8");
}

}  // namespace
}  // namespace tfsparse
