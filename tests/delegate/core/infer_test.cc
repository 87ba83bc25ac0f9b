// Shape inference of the operators that move or reduce values, and the errors for invalid shapes.
#include "delegate/core/graph/infer.h"

#include <functional>
#include <limits>

#include "delegate/core/operators/images/block_move.h"
#include "delegate/core/operators/images/pad.h"
#include "delegate/core/operators/images/resize.h"
#include "delegate/core/operators/shapes/concatenation.h"
#include "delegate/core/operators/shapes/reduction.h"
#include "delegate/core/operators/shapes/shape_arithmetic.h"
#include "delegate/core/operators/shapes/slice.h"
#include "delegate/core/operators/shapes/transpose.h"
#include "delegate/core/operators/unsupported.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"

namespace tfsparse {
namespace {

using testing::GraphBuilder;

// The inferred shape of the node that `add` adds, or "refused".
std::string shape_of(const std::function<Node&(GraphBuilder&)>& add) {
  GraphBuilder b;
  const int output = add(b).output;
  return infer_shapes(&b.graph).ok() ? to_string(b.graph.tensors[output].shape) : "refused";
}

constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

TEST(InferShapes, Convolution) {
  const auto convolve = [](Shape x) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      Convolution conv;
      conv.window.stride_h = conv.window.stride_w = 2;
      return b.node(conv, {b.input(x), b.constant({1, 1, 1, 6}, {1, 1, 1, 1, 1, 1})});
    });
  };
  EXPECT_EQ(convolve({7, 7, 3, 6}), "[7, 4, 2, 1]");
  EXPECT_EQ(convolve({7, 7, -233, 6}), "refused");
  EXPECT_EQ(convolve({7, -1, 3, 6}), "refused");
  EXPECT_EQ(convolve({1 << 14, 1 << 14, 3, 6}), "refused");
}

TEST(InferShapes, ConvolutionPadsOneMoreBehindThanBefore) {
  GraphBuilder b;
  Convolution conv;
  conv.window.padding = Padding::kSame;
  conv.window.stride_h = conv.window.stride_w = 2;
  b.node(conv, {b.input({1, 4, 5, 1}), b.constant({1, 3, 3, 1}, {0, 0, 0, 0, 1, 0, 0, 0, 0})});
  ASSERT_TRUE(infer_shapes(&b.graph).ok());
  const Window& window = as<Convolution>(b.graph.nodes[0])->window;
  EXPECT_EQ(window.pad_top, 0);   // of 1 in total
  EXPECT_EQ(window.pad_left, 1);  // of 2
}

TEST(InferShapes, FullyConnected) {
  const auto multiply = [](Shape x, bool keep_dims) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      FullyConnected layer;
      layer.keep_dims = keep_dims;
      return b.node(layer, {b.input(x), b.constant({2, 6}, std::vector<float>(12, 1))});
    });
  };
  EXPECT_EQ(multiply({2, 3, 6}, true), "[2, 3, 2]");
  EXPECT_EQ(multiply({2, 2, 3}, false), "[2, 2]");
  EXPECT_EQ(multiply({2, 2, 3}, true), "refused");
  EXPECT_EQ(multiply({5}, false), "refused");
}

TEST(InferShapes, Broadcasting) {
  const auto add = [](Shape x, Shape y) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      return b.node(BinaryOperator(), {b.input(x), b.input(y)});
    });
  };
  EXPECT_EQ(add({2, 1, 3}, {4, 1}), "[2, 4, 3]");
  EXPECT_EQ(add({}, {2}), "[2]");
  EXPECT_EQ(add({2}, {3}), "refused");
}

TEST(InferShapes, Resize) {
  const auto resize = [](Shape x, std::vector<std::int32_t> size) {
    return shape_of(
        [&](GraphBuilder& b) -> Node& { return b.node(Resize(), {b.input(x), b.ints(size)}); });
  };
  EXPECT_EQ(resize({2, 3, 4, 5}, {6, 1}), "[2, 6, 1, 5]");
  EXPECT_EQ(resize({2, 3, 4, 5}, {0, 1}), "refused");
  EXPECT_EQ(resize({2, 3, 4, 5}, {6}), "refused");
  EXPECT_EQ(resize({2, 0, 4, 5}, {6, 1}), "refused");
}

TEST(InferShapes, Reshape) {
  const auto reshape = [](Shape x, std::vector<int> target) {
    return shape_of(
        [&](GraphBuilder& b) -> Node& { return b.node(Reshape(target), {b.input(x)}); });
  };
  EXPECT_EQ(reshape({2, 6}, {3, -1, 2}), "[3, 2, 2]");
  EXPECT_EQ(reshape({2, 6}, {-1, -1}), "refused");
  EXPECT_EQ(reshape({2, 6}, {5, -1}), "refused");
  EXPECT_EQ(reshape({2, 6}, {-2, -6}), "refused");
}

// As in models with open sizes: a part of the input's shape and another number.
TEST(InferShapes, ReshapeToAComputedShape) {
  const auto reshape = [](std::int32_t begin, std::int32_t end, bool shrink) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      const int x = b.input({2, 3, 4});
      const int shape = b.node(ShapeOf(), {x}).output;
      SliceOfSizes slice;
      slice.shrink_axis_mask = shrink;
      const int part = b.node(slice, {shape, b.ints({begin}), b.ints({end}), b.ints({1})}).output;
      const int target = shrink ? b.node(JoinSizes(0), {part, b.ints({-1})}).output : part;
      return b.node(Reshape(), {x, target});
    });
  };
  EXPECT_EQ(reshape(0, 3, false), "[2, 3, 4]");
  EXPECT_EQ(reshape(1, 2, true), "[3, 8]");
  EXPECT_EQ(reshape(-1, 3, true), "[4, 6]");
  EXPECT_EQ(reshape(0, 2, false), "refused");  // fewer elements
}

// Keras's Dense multiplies all sizes but the last to know its rows.
TEST(InferShapes, SizesOfADenseLayersOutput) {
  const auto reshape = [](Shape x, std::vector<std::int32_t> kept) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      const int image = b.input(x);
      const int shape = b.node(ShapeOf(), {image}).output;
      const int outer = b.node(GatherSizes(), {shape, b.ints(kept)}).output;
      const int rows = b.node(ProductOfSizes(true), {outer, b.ints({0})}).output;
      const int twice = b.node(SizeArithmetic(Binary::kMul), {rows, b.ints({2})}).output;
      return b.node(Reshape(), {image, b.node(JoinSizes(1), {twice, b.ints({-1})}).output});
    });
  };
  EXPECT_EQ(reshape({2, 3, 4}, {0, 1}), "[12, 2]");
  EXPECT_EQ(reshape({2, 3, 4}, {-3}), "[4, 6]");
  EXPECT_EQ(reshape({2, 3, 4}, {3}), "refused");  // there is no such size
  EXPECT_EQ(reshape({2, 3, 4}, {2}), "[8, 3]");
}

// Whatever rank the file gives it.
TEST(InferShapes, AVectorIsNotPackedAsAScalar) {
  const auto reshape = [](std::size_t rank) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      const int x = b.input({2, 3, 4});
      const int shape = b.node(ShapeOf(), {x}).output;
      return b.node(Reshape(), {x, b.node(JoinSizes(rank), {shape, b.ints({1})}).output});
    });
  };
  EXPECT_EQ(reshape(0), "refused");
  EXPECT_EQ(reshape(1), "[2, 3, 4, 1]");
}

TEST(InferShapes, ArithmeticOnSizes) {
  const auto reshape = [](Binary binary, std::vector<std::int32_t> a, std::vector<std::int32_t> b) {
    return shape_of([&](GraphBuilder& g) -> Node& {
      const int x = g.input({4, 6});
      return g.node(Reshape(), {x, g.node(SizeArithmetic(binary), {g.ints(a), g.ints(b)}).output});
    });
  };
  EXPECT_EQ(reshape(Binary::kAdd, {1, 2}, {11, 0}), "[12, 2]");
  EXPECT_EQ(reshape(Binary::kSub, {25, 2}, {1}), "[24, 1]");
  EXPECT_EQ(reshape(Binary::kMax, {1}, {24}), "[24]");
  EXPECT_EQ(reshape(Binary::kMin, {3, 99}, {8, 8}), "[3, 8]");
  EXPECT_EQ(reshape(Binary::kMul, {kMost, kMost}, {kMost, kMost}), "refused");
  EXPECT_EQ(reshape(Binary::kAdd, {1, 2, 3}, {1, 2}), "refused");
}

TEST(InferShapes, StridedSlice) {
  const auto slice = [](Shape x, std::vector<std::int32_t> begin, std::vector<std::int32_t> end,
                        std::vector<std::int32_t> step, int shrink = 0) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      StridedSlice op;
      op.shrink_axis_mask = shrink;
      return b.node(op, {b.input(x), b.ints(begin), b.ints(end), b.ints(step)});
    });
  };
  EXPECT_EQ(slice({5, 6}, {1, 0}, {4, 6}, {1, 4}), "[3, 2]");
  EXPECT_EQ(slice({5, 6}, {-2, -99}, {99, -1}, {1, 1}), "[2, 5]");
  EXPECT_EQ(slice({5, 6}, {4}, {1}, {2}), "[0, 6]");
  EXPECT_EQ(slice({5, 6}, {-1, 0}, {0, 6}, {1, kMost}, 1), "[1]");
  EXPECT_EQ(slice({5, 6}, {5, 0}, {6, 6}, {1, 1}, 1), "refused");
  EXPECT_EQ(slice({5}, {0, 0}, {1, 1}, {1, 1}), "refused");
  EXPECT_EQ(slice({5}, {0, 0}, {1}, {1}), "refused");
}

TEST(InferShapes, Pad) {
  const auto pad = [](Shape x, std::vector<std::int32_t> amounts) {
    return shape_of(
        [&](GraphBuilder& b) -> Node& { return b.node(Pad(), {b.input(x), b.ints(amounts)}); });
  };
  EXPECT_EQ(pad({2, 3}, {1, 0, 0, 4}), "[3, 7]");
  EXPECT_EQ(pad({2, 3}, {1, 0}), "refused");
  EXPECT_EQ(pad({2, 3}, {1, 0, 0, -1}), "refused");
  EXPECT_EQ(pad({2, 3}, {kMost, kMost, 0, 0}), "refused");
  EXPECT_EQ(pad({1 << 14, 1 << 14}, {1, 0, 0, 0}), "refused");
}

TEST(InferShapes, Transpose) {
  const auto transpose = [](Shape x, std::vector<std::int32_t> order) {
    return shape_of(
        [&](GraphBuilder& b) -> Node& { return b.node(Transpose(), {b.input(x), b.ints(order)}); });
  };
  EXPECT_EQ(transpose({2, 3, 4}, {1, -1, 0}), "[3, 4, 2]");
  EXPECT_EQ(transpose({2, 3, 4}, {1, 1, 0}), "refused");
  EXPECT_EQ(transpose({2, 3, 4}, {1, 0}), "refused");
  EXPECT_EQ(transpose({2, 3, 4}, {0, 1, 2, 3}), "refused");
  EXPECT_EQ(transpose({2, 3, 4}, {0, 1, 3}), "refused");
  EXPECT_EQ(transpose({2, 3, 4}, {0, 1, kLeast}), "refused");
}

TEST(InferShapes, Concatenation) {
  const auto concatenate = [](const std::vector<Shape>& shapes, int axis) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      std::vector<int> inputs;
      for (const Shape& shape : shapes) inputs.push_back(b.input(shape));
      return b.node(Concatenation(axis), inputs);
    });
  };
  EXPECT_EQ(concatenate({{2, 3}, {2, 0}, {2, 4}}, -1), "[2, 7]");
  EXPECT_EQ(concatenate({{2, 3}, {2, 3}}, 0), "[4, 3]");
  EXPECT_EQ(concatenate({{2, 3}, {2, 3}}, 2), "refused");
  EXPECT_EQ(concatenate({{2, 3}, {2, 3}}, kLeast), "refused");
  EXPECT_EQ(concatenate({{2, 3}, {2, 4}}, 0), "refused");
  EXPECT_EQ(concatenate({{2, 3}, {2, 3, 1}}, 1), "refused");
  EXPECT_EQ(concatenate({{0, kMost}, {0, kMost}}, 1), "refused");
}

TEST(InferShapes, Split) {
  const auto split = [](Shape x, int axis, int part, int parts, std::vector<std::int32_t> sizes) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      std::vector<int> inputs = {b.input(x), b.ints({axis})};
      if (!sizes.empty()) inputs.push_back(b.ints(sizes));
      Node& node = b.node(Split(parts), inputs);
      node.output_index = part;
      return node;
    });
  };
  EXPECT_EQ(split({2, 6}, -1, 1, 3, {}), "[2, 2]");
  EXPECT_EQ(split({2, 6}, 1, 2, 3, {1, 2, 3}), "[2, 3]");
  EXPECT_EQ(split({2, 6}, 1, 1, 3, {1, -1, 3}), "[2, 2]");
  EXPECT_EQ(split({2, 6}, 1, 0, 4, {}), "refused");
  EXPECT_EQ(split({2, 6}, 2, 0, 2, {}), "refused");
  EXPECT_EQ(split({2, 6}, 1, 0, 2, {1, 4}), "refused");
  EXPECT_EQ(split({2, 6}, 1, 0, 3, {1, 5}), "refused");
  EXPECT_EQ(split({2, 6}, 1, 0, 2, {-1, -1}), "refused");
  EXPECT_EQ(split({2, 6}, 1, 0, 2, {-1, 7}), "refused");
  EXPECT_EQ(split({2, 6}, 1, 0, 3, {-2, 8, 0}), "refused");
  EXPECT_EQ(split({2, 6}, 1, 0, 2, {kMost, kLeast}), "refused");
}

TEST(InferShapes, Slice) {
  const auto slice = [](Shape x, std::vector<std::int32_t> begin, std::vector<std::int32_t> size) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      return b.node(Slice(), {b.input(x), b.ints(begin), b.ints(size)});
    });
  };
  EXPECT_EQ(slice({4, 5}, {1, 2}, {3, -1}), "[3, 3]");
  EXPECT_EQ(slice({4, 5}, {4, 0}, {-1, 0}), "[0, 0]");
  EXPECT_EQ(slice({4, 5}, {1, 2}, {4, 1}), "refused");
  EXPECT_EQ(slice({4, 5}, {-1, 2}, {1, 1}), "refused");
  EXPECT_EQ(slice({4, 5}, {5, 2}, {-1, 1}), "refused");
  EXPECT_EQ(slice({4, 5}, {1}, {1}), "refused");
  EXPECT_EQ(slice({4, 5}, {1, kMost}, {1, kMost}), "refused");
}

TEST(InferShapes, SpaceToDepthAndBack) {
  const auto move = [](AnyOperator op, Shape x) {
    return shape_of([&](GraphBuilder& b) -> Node& { return b.node(op, {b.input(x)}); });
  };
  EXPECT_EQ(move(SpaceToDepth(2), {1, 4, 6, 3}), "[1, 2, 3, 12]");
  EXPECT_EQ(move(DepthToSpace(2), {1, 2, 3, 12}), "[1, 4, 6, 3]");
  EXPECT_EQ(move(SpaceToDepth(2), {1, 4, 5, 3}), "refused");
  EXPECT_EQ(move(DepthToSpace(2), {1, 4, 4, 6}), "refused");
  EXPECT_EQ(move(SpaceToDepth(2), {4, 4, 3}), "refused");
  EXPECT_EQ(move(SpaceToDepth(1 << 10), {0, 1 << 10, 1 << 10, kMost}), "refused");
  EXPECT_EQ(move(DepthToSpace(1 << 10), {0, kMost, 1, 1 << 20}), "refused");
}

TEST(InferShapes, Reduction) {
  const auto reduce = [](Shape x, std::vector<std::int32_t> axes, bool keep_dims) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      Reduce sum(Reduction::kSum);
      sum.keep_dims = keep_dims;
      return b.node(sum, {b.input(x), b.ints(axes)});
    });
  };
  EXPECT_EQ(reduce({2, 3, 4}, {1, -2}, true), "[2, 1, 4]");
  EXPECT_EQ(reduce({2, 3, 4}, {0, 2}, false), "[3]");
  EXPECT_EQ(reduce({2, 3, 4}, {0, 1, 2}, false), "[]");
  EXPECT_EQ(reduce({2, 3, 4}, {3}, false), "refused");
  EXPECT_EQ(reduce({2, 3, 4}, {kLeast}, false), "refused");
}

TEST(InferShapes, SqueezeAndExpandDims) {
  const auto squeeze = [](Shape x, std::vector<int> axes) {
    return shape_of([&](GraphBuilder& b) -> Node& { return b.node(Squeeze(axes), {b.input(x)}); });
  };
  EXPECT_EQ(squeeze({1, 3, 1}, {}), "[3]");
  EXPECT_EQ(squeeze({1, 3, 1}, {-1}), "[1, 3]");
  EXPECT_EQ(squeeze({1, 3, 1}, {1}), "refused");
  EXPECT_EQ(squeeze({1, 3, 1}, {3}), "refused");
  const auto expand = [](Shape x, std::vector<std::int32_t> axis) {
    return shape_of(
        [&](GraphBuilder& b) -> Node& { return b.node(ExpandDims(), {b.input(x), b.ints(axis)}); });
  };
  EXPECT_EQ(expand({2, 3}, {-1}), "[2, 3, 1]");
  EXPECT_EQ(expand({2, 3}, {0}), "[1, 2, 3]");
  EXPECT_EQ(expand({2, 3}, {3}), "refused");
  EXPECT_EQ(expand({2, 3}, {0, 1}), "refused");
}

// x -> node 0, not inferred -> node 1; x -> node 2. The file's shapes are those of one row.
TEST(InferKnownShapes, FollowsTheInputsAsFarAsRulesGo) {
  const auto infer = [](bool open) {
    GraphBuilder b;
    const int x = b.input({5, 8});
    const int left = b.node(Unsupported(), {x}).output;
    b.node(UnaryOperator(), {left});
    b.node(UnaryOperator(), {x});
    for (const Node& node : b.graph.nodes) {
      b.graph.tensors[node.output].shape = {1, 8};
      b.graph.tensors[node.output].size_is_open = open;
    }
    infer_known_shapes({false, true, true}, &b.graph);
    std::string text;
    for (const Node& node : b.graph.nodes) {
      const Tensor& output = b.graph.tensors[node.output];
      text += to_string(output.shape) + (output.size_is_known ? " " : "? ");
    }
    return text;
  };
  EXPECT_EQ(infer(true), "[1, 8]? [1, 8]? [5, 8] ");
  EXPECT_EQ(infer(false), "[1, 8] [1, 8] [5, 8] ");
}

}  // namespace
}  // namespace tfsparse
