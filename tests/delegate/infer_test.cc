// Shapes of the operators that move or reduce values, and what makes no sense to them.
#include "delegate/core/infer.h"

#include <functional>
#include <limits>

#include "tests/delegate/check.h"
#include "tests/delegate/graph_builder.h"

namespace tfsparse {
namespace {

using testing::GraphBuilder;

// The inferred shape of the node that `add` adds, as text; "refused" where there is none.
std::string shape_of(const std::function<Node&(GraphBuilder&)>& add) {
  GraphBuilder b;
  const int output = add(b).output;
  return infer_shapes(&b.graph).ok() ? to_string(b.graph.tensors[output].shape) : "refused";
}

constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

void test_impossible_inputs() {
  const auto convolve = [](Shape x) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      Node& node = b.node(Op::kConv2D, {b.input(x), b.constant({1, 1, 1, 6}, {1, 1, 1, 1, 1, 1})});
      node.stride_h = node.stride_w = 2;
      return node;
    });
  };
  CHECK(convolve({7, 7, 3, 6}) == "[7, 4, 2, 1]");
  CHECK(convolve({7, 7, -233, 6}) == "refused");
  CHECK(convolve({7, -1, 3, 6}) == "refused");
  CHECK(convolve({1 << 14, 1 << 14, 3, 6}) == "refused");
}

void test_pad() {
  const auto pad = [](Shape x, std::vector<std::int32_t> amounts) {
    return shape_of(
        [&](GraphBuilder& b) -> Node& { return b.node(Op::kPad, {b.input(x), b.ints(amounts)}); });
  };
  CHECK(pad({2, 3}, {1, 0, 0, 4}) == "[3, 7]");
  CHECK(pad({2, 3}, {1, 0}) == "refused");
  CHECK(pad({2, 3}, {1, 0, 0, -1}) == "refused");
  CHECK(pad({2, 3}, {kMost, kMost, 0, 0}) == "refused");
  CHECK(pad({1 << 14, 1 << 14}, {1, 0, 0, 0}) == "refused");
}

void test_transpose() {
  const auto transpose = [](Shape x, std::vector<std::int32_t> order) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      return b.node(Op::kTranspose, {b.input(x), b.ints(order)});
    });
  };
  CHECK(transpose({2, 3, 4}, {1, -1, 0}) == "[3, 4, 2]");
  CHECK(transpose({2, 3, 4}, {1, 1, 0}) == "refused");
  CHECK(transpose({2, 3, 4}, {1, 0}) == "refused");
  CHECK(transpose({2, 3, 4}, {0, 1, 2, 3}) == "refused");
  CHECK(transpose({2, 3, 4}, {0, 1, 3}) == "refused");
  CHECK(transpose({2, 3, 4}, {0, 1, kLeast}) == "refused");
}

void test_concatenation() {
  const auto concatenate = [](const std::vector<Shape>& shapes, int axis) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      std::vector<int> inputs;
      for (const Shape& shape : shapes) inputs.push_back(b.input(shape));
      Node& node = b.node(Op::kConcatenation, inputs);
      node.axis = axis;
      return node;
    });
  };
  CHECK(concatenate({{2, 3}, {2, 0}, {2, 4}}, -1) == "[2, 7]");
  CHECK(concatenate({{2, 3}, {2, 3}}, 0) == "[4, 3]");
  CHECK(concatenate({{2, 3}, {2, 3}}, 2) == "refused");
  CHECK(concatenate({{2, 3}, {2, 3}}, kLeast) == "refused");
  CHECK(concatenate({{2, 3}, {2, 4}}, 0) == "refused");
  CHECK(concatenate({{2, 3}, {2, 3, 1}}, 1) == "refused");
  CHECK(concatenate({{0, kMost}, {0, kMost}}, 1) == "refused");
}

void test_split() {
  const auto split = [](Shape x, int axis, int part, int parts, std::vector<std::int32_t> sizes) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      std::vector<int> inputs = {b.input(x), b.ints({axis})};
      if (!sizes.empty()) inputs.push_back(b.ints(sizes));
      Node& node = b.node(Op::kSplit, inputs);
      node.part = part;
      node.parts = parts;
      return node;
    });
  };
  CHECK(split({2, 6}, -1, 1, 3, {}) == "[2, 2]");
  CHECK(split({2, 6}, 1, 2, 3, {1, 2, 3}) == "[2, 3]");
  CHECK(split({2, 6}, 1, 1, 3, {1, -1, 3}) == "[2, 2]");
  CHECK(split({2, 6}, 1, 0, 4, {}) == "refused");
  CHECK(split({2, 6}, 2, 0, 2, {}) == "refused");
  CHECK(split({2, 6}, 1, 0, 2, {1, 4}) == "refused");
  CHECK(split({2, 6}, 1, 0, 3, {1, 5}) == "refused");
  CHECK(split({2, 6}, 1, 0, 2, {-1, -1}) == "refused");
  CHECK(split({2, 6}, 1, 0, 2, {-1, 7}) == "refused");
  CHECK(split({2, 6}, 1, 0, 3, {-2, 8, 0}) == "refused");
  CHECK(split({2, 6}, 1, 0, 2, {kMost, kLeast}) == "refused");
}

void test_slice() {
  const auto slice = [](Shape x, std::vector<std::int32_t> begin, std::vector<std::int32_t> size) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      return b.node(Op::kSlice, {b.input(x), b.ints(begin), b.ints(size)});
    });
  };
  CHECK(slice({4, 5}, {1, 2}, {3, -1}) == "[3, 3]");
  CHECK(slice({4, 5}, {4, 0}, {-1, 0}) == "[0, 0]");
  CHECK(slice({4, 5}, {1, 2}, {4, 1}) == "refused");
  CHECK(slice({4, 5}, {-1, 2}, {1, 1}) == "refused");
  CHECK(slice({4, 5}, {5, 2}, {-1, 1}) == "refused");
  CHECK(slice({4, 5}, {1}, {1}) == "refused");
  CHECK(slice({4, 5}, {1, kMost}, {1, kMost}) == "refused");
}

void test_blocks_of_pixels() {
  const auto move = [](Op op, Shape x, int block) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      Node& node = b.node(op, {b.input(x)});
      node.block_size = block;
      return node;
    });
  };
  CHECK(move(Op::kSpaceToDepth, {1, 4, 6, 3}, 2) == "[1, 2, 3, 12]");
  CHECK(move(Op::kDepthToSpace, {1, 2, 3, 12}, 2) == "[1, 4, 6, 3]");
  CHECK(move(Op::kSpaceToDepth, {1, 4, 5, 3}, 2) == "refused");
  CHECK(move(Op::kDepthToSpace, {1, 4, 4, 6}, 2) == "refused");
  CHECK(move(Op::kSpaceToDepth, {4, 4, 3}, 2) == "refused");
  CHECK(move(Op::kSpaceToDepth, {0, 1 << 10, 1 << 10, kMost}, 1 << 10) == "refused");
  CHECK(move(Op::kDepthToSpace, {0, kMost, 1, 1 << 20}, 1 << 10) == "refused");
}

void test_reduction() {
  const auto reduce = [](Shape x, std::vector<std::int32_t> axes, bool keep_dims) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      Node& node = b.node(Op::kReduce, {b.input(x), b.ints(axes)});
      node.keep_dims = keep_dims;
      return node;
    });
  };
  CHECK(reduce({2, 3, 4}, {1, -2}, true) == "[2, 1, 4]");
  CHECK(reduce({2, 3, 4}, {0, 2}, false) == "[3]");
  CHECK(reduce({2, 3, 4}, {0, 1, 2}, false) == "[]");
  CHECK(reduce({2, 3, 4}, {3}, false) == "refused");
  CHECK(reduce({2, 3, 4}, {kLeast}, false) == "refused");
}

void test_squeeze_and_expand_dims() {
  const auto squeeze = [](Shape x, std::vector<int> axes) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      Node& node = b.node(Op::kSqueeze, {b.input(x)});
      node.axes = axes;
      return node;
    });
  };
  CHECK(squeeze({1, 3, 1}, {}) == "[3]");
  CHECK(squeeze({1, 3, 1}, {-1}) == "[1, 3]");
  CHECK(squeeze({1, 3, 1}, {1}) == "refused");
  CHECK(squeeze({1, 3, 1}, {3}) == "refused");
  const auto expand = [](Shape x, std::vector<std::int32_t> axis) {
    return shape_of([&](GraphBuilder& b) -> Node& {
      return b.node(Op::kExpandDims, {b.input(x), b.ints(axis)});
    });
  };
  CHECK(expand({2, 3}, {-1}) == "[2, 3, 1]");
  CHECK(expand({2, 3}, {0}) == "[1, 2, 3]");
  CHECK(expand({2, 3}, {3}) == "refused");
  CHECK(expand({2, 3}, {0, 1}) == "refused");
}

}  // namespace
}  // namespace tfsparse

int main() {
  using namespace tfsparse;
  test_impossible_inputs();
  test_pad();
  test_transpose();
  test_concatenation();
  test_split();
  test_slice();
  test_blocks_of_pixels();
  test_reduction();
  test_squeeze_and_expand_dims();
  return testing::report();
}
