// The delegate in a fake runtime: reading, partitioning, planning and running models through the
// functions that the shared object exports.
#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "gtest/gtest.h"
#include "tests/delegate/tflite/fake_runtime.h"
#include "tests/delegate/tflite/plugin.h"

using namespace tfsparse::testing;

namespace {

constexpr ConvParams kSame{kTfLitePaddingSame, 1, 1, kTfLiteActNone, 1, 1};
constexpr int kTopK = 48;

// Powers of two: the sums below are exact in any order.
const std::vector<float> kKernel = {0.5f, 0, 2, 0, 0, -1, 0.25f, 0};  // 4 outputs of 2 inputs

// y = kKernel * x at every pixel, then relu.
float expected(const std::vector<float>& x, int pixel, int channel) {
  return std::max(
      0.0f, kKernel[2 * channel] * x[2 * pixel] + kKernel[2 * channel + 1] * x[2 * pixel + 1]);
}

// A 1x1 convolution and RELU on an image of two channels: tensors 0 to 3.
struct Model {
  explicit Model(FakeRuntime& r, const std::vector<int>& shape = {1, 5, 3, 2}) : runtime(r) {
    x = r.tensor(shape);
    weights = r.floats({4, 1, 1, 2}, kKernel);
    const std::vector<int> y_shape = {shape[0], shape[1], shape[2], 4};
    conv = r.tensor(y_shape);
    y = r.tensor(y_shape);
    r.node(kTfLiteBuiltinConv2d, {x, weights}, {conv}, kSame);
    r.node(kTfLiteBuiltinRelu, {conv}, {y});
    r.outputs = {y};
  }
  // Runs the model and compares with the expected output.
  void check() {
    const std::vector<int> shape = runtime.shape(x);
    const int pixels = shape[0] * shape[1] * shape[2];
    std::vector<float> image(2 * pixels);
    for (int i = 0; i < 2 * pixels; ++i) image[i] = static_cast<float>(i % 13 - 6);
    std::copy(image.begin(), image.end(), runtime.data(x));
    EXPECT_EQ(runtime.invoke(), kTfLiteOk);
    EXPECT_EQ(runtime.shape(y), (std::vector<int>{shape[0], shape[1], shape[2], 4}));
    for (int i = 0; i < 4 * pixels; ++i) {
      EXPECT_EQ(runtime.data(y)[i], expected(image, i / 4, i % 4));
    }
  }

  FakeRuntime& runtime;
  int x, weights, conv, y;
};

TEST(Delegate, RunsAWholeModel) {
  for (int threads : {1, 2, 3}) {
    const DelegatePtr delegate = make_delegate();
    FakeRuntime runtime(threads);
    Model model(runtime, {2, 37, 11, 2});
    EXPECT_EQ(runtime.apply(delegate.get()), kTfLiteOk);
    EXPECT_EQ(runtime.parts(), 1);
    EXPECT_EQ(runtime.left(), 0);
    EXPECT_EQ(runtime.allocate(), kTfLiteOk);
    model.check();
    model.check();
  }
}

TEST(Delegate, RunsAfterItsInputIsResized) {
  const DelegatePtr delegate = make_delegate();
  FakeRuntime runtime(2);
  Model model(runtime);
  EXPECT_EQ(runtime.apply(delegate.get()), kTfLiteOk);
  for (const std::vector<int>& shape :
       {std::vector<int>{1, 5, 3, 2}, {3, 1, 1, 2}, {1, 40, 41, 2}, {1, 0, 3, 2}, {1, 5, 3, 2}}) {
    runtime.resize(model.x, shape);
    EXPECT_EQ(runtime.allocate(), kTfLiteOk);
    model.check();
  }
}

// The kernel as float16 in compressed sparse rows, through DENSIFY and DEQUANTIZE.
TEST(Delegate, ReadsSparseFloat16WeightsThroughDensifyAndDequantize) {
  const DelegatePtr delegate = make_delegate();
  FakeRuntime runtime;
  Model model(runtime);
  const std::vector<std::uint16_t> halves = {0x3800, 0x4000, 0xbc00, 0x3400};  // 0.5 2 -1 0.25
  const int stored = runtime.constant({4, 1, 1, 2}, halves, kTfLiteFloat16);
  runtime.encode(stored, {0, 1, 2, 3}, {},
                 {{4, {}, {}}, {1, {}, {}}, {1, {}, {}}, {0, {0, 1, 2, 3, 4}, {0, 0, 1, 0}}});
  const int dense = runtime.tensor({4, 1, 1, 2}, kTfLiteFloat16);
  const int wide = runtime.tensor({4, 1, 1, 2});
  const int y = runtime.tensor({1, 5, 3, 4});
  runtime.node(kTfLiteBuiltinDensify, {stored}, {dense});
  runtime.node(kTfLiteBuiltinDequantize, {dense}, {wide});
  runtime.node(kTfLiteBuiltinConv2d, {model.x, wide}, {y}, kSame);
  runtime.outputs.push_back(y);
  EXPECT_EQ(runtime.apply(delegate.get()), kTfLiteOk);
  EXPECT_EQ(runtime.parts(), 1);
  EXPECT_EQ(runtime.left(), 0);
  EXPECT_EQ(runtime.allocate(), kTfLiteOk);
  model.check();
  for (int i = 0; i < 60; ++i)
    EXPECT_EQ(std::max(0.0f, runtime.data(y)[i]), runtime.data(model.y)[i]);
}

TEST(Delegate, SplitsTheModelAtAnUnknownOperator) {
  const DelegatePtr delegate = make_delegate();
  FakeRuntime runtime;
  const Model model(runtime);
  const int between = runtime.tensor({1, 5, 3, 2}), last = runtime.tensor({1, 5, 3, 4});
  runtime.node(kTopK, {model.y}, {between});
  runtime.node(kTfLiteBuiltinConv2d, {between, model.weights}, {last}, kSame);
  runtime.outputs = {last};
  EXPECT_EQ(runtime.apply(delegate.get()), kTfLiteOk);
  EXPECT_EQ(runtime.parts(), 2);
  EXPECT_EQ(runtime.left(), 1);
  EXPECT_EQ(runtime.allocate(), kTfLiteOk);
  EXPECT_EQ(runtime.invoke(), kTfLiteOk);
}

TEST(Delegate, ServesSeveralModels) {
  const DelegatePtr delegate = make_delegate();
  FakeRuntime first, second(2);
  Model a(first), b(second, {1, 9, 9, 2});
  for (FakeRuntime* runtime : {&first, &second}) {
    EXPECT_EQ(runtime->apply(delegate.get()), kTfLiteOk);
    EXPECT_EQ(runtime->allocate(), kTfLiteOk);
  }
  a.check();
  b.check();
  a.check();
}

// Damage that TFLite accepts when it loads a model, and the number of nodes left.
TEST(Delegate, LeavesOrRefusesADamagedModel) {
  const auto left = [](const std::function<void(FakeRuntime&, const Model&)>& damage) {
    const DelegatePtr delegate = make_delegate();
    FakeRuntime runtime;
    const Model model(runtime);
    damage(runtime, model);
    if (runtime.apply(delegate.get()) != kTfLiteOk) {
      EXPECT_EQ(runtime.error().rfind("tfsparse: ", 0), 0);
      return -1;
    }
    if (runtime.parts() > 0 && runtime.allocate() == kTfLiteOk) runtime.invoke();
    return runtime.left();
  };
  using R = FakeRuntime;
  const auto weights = [](const std::vector<int>& shape) {
    return [shape](R& r, const Model& m) {
      std::free(r[m.weights].dims);
      r[m.weights].dims = new_ints(shape);
    };
  };
  const auto node = [](int code, std::vector<int> in, std::vector<int> out) {
    return [=](R& r, const Model&) { r.node(code, in, out); };
  };
  EXPECT_EQ(left([](R&, const Model&) {}), 0);
  EXPECT_NE(left([](R& r, const Model& m) { r[m.weights].bytes -= 4; }), 0);
  EXPECT_EQ(left([](R& r, const Model& m) { r[m.weights].type = kTfLiteInt64; }), 2);
  EXPECT_NE(left([](R& r, const Model& m) { r[m.conv].type = kTfLiteFloat16; }), 0);
  EXPECT_NE(left(weights({4, 1, 1, 1 << 30})), 0);
  EXPECT_NE(left(weights({1 << 16, 1 << 16, 1 << 16, 1 << 16})), 0);
  EXPECT_NE(left(weights({4, 1, 1, -2})), 0);
  EXPECT_NE(left(weights({4, 0, 1, 2})), 0);
  EXPECT_NE(left(weights({8})), 0);
  EXPECT_NE(left(weights({})), 0);
  EXPECT_NE(left(node(kTfLiteBuiltinConv2d, {0, 1}, {3})), 0);  // no parameters, written twice
  EXPECT_NE(left(node(kTfLiteBuiltinRelu, {2}, {3})), 0);       // written twice
  EXPECT_EQ(left(node(kTfLiteBuiltinRelu, {99}, {3})), -1);     // a missing tensor
  EXPECT_EQ(left(node(kTfLiteBuiltinRelu, {0}, {1})), -1);      // writes a constant
  EXPECT_NE(left(node(kTfLiteBuiltinConv2d, {-1, -1}, {3})), 0);
  EXPECT_NE(left([](R& r, const Model& m) {
              r.encode(m.weights, {0, 1, 2, 3}, {},
                       {{4, {}, {}}, {1, {}, {}}, {1, {}, {}}, {0, {0, 9}, {7}}});
            }),
            0);
}

// The nodes of an int8 convolution that are left after `change` damaged it.
int left_in_int8(const std::function<void(FakeRuntime&, int x, int weights, int y)>& change) {
  const DelegatePtr delegate = make_delegate();
  FakeRuntime runtime;
  const int x = runtime.tensor({1, 5, 3, 2}, kTfLiteInt8);
  const std::vector<std::int8_t> kernel = {1, 0, 2, 0, 0, -1, 3, 0};
  const int weights = runtime.constant({4, 1, 1, 2}, kernel, kTfLiteInt8);
  const int y = runtime.tensor({1, 5, 3, 4}, kTfLiteInt8);
  for (int tensor : {x, weights, y}) runtime.quantize(tensor, {0.5f}, {0});
  runtime.node(kTfLiteBuiltinConv2d, {x, weights}, {y}, kSame);
  runtime.outputs = {y};
  change(runtime, x, weights, y);
  if (runtime.apply(delegate.get()) != kTfLiteOk) return -1;
  return runtime.left();
}

TEST(Delegate, LeavesInt8ModelsThatItCannotCompute) {
  using R = FakeRuntime;
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(left_in_int8([](R&, int, int, int) {}), 0);
  for (const float scale : {0.0f, -1.0f, kNan, std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(left_in_int8([&](R& r, int x, int, int) { r.quantize(x, {scale}, {0}); }), 1);
    EXPECT_EQ(left_in_int8([&](R& r, int, int w, int) { r.quantize(w, {scale}, {0}); }), 1);
    EXPECT_EQ(left_in_int8([&](R& r, int, int, int y) { r.quantize(y, {scale}, {0}); }), 1);
  }
  EXPECT_EQ(left_in_int8([](R& r, int x, int, int) { r.quantize(x, {1.0f}, {}); }), 1);
  EXPECT_EQ(left_in_int8([](R& r, int x, int, int) { r.quantize(x, {}, {}); }), 1);
  EXPECT_EQ(left_in_int8([](R& r, int x, int, int) { r.quantize(x, {1.0f}, {128}); }), 1);
  EXPECT_EQ(left_in_int8([](R& r, int, int w, int) { r.quantize(w, {1, 1, 1}, {0, 0, 0}); }), 1);
  EXPECT_EQ(left_in_int8([](R& r, int, int w, int) { r.quantize(w, {1.0f}, {1}); }), 1);
  EXPECT_EQ(left_in_int8([](R& r, int, int w, int) { r.quantize(w, {1, 1}, {0, 0}, 3); }), 1);
  EXPECT_NE(left_in_int8([](R& r, int, int w, int) {
              r.encode(w, {0, 1, 2, 3}, {},
                       {{4, {}, {}}, {1, {}, {}}, {1, {}, {}}, {0, {0, 9}, {7}}});
            }),
            0);
  EXPECT_NE(left_in_int8([](R& r, int, int w, int) { r[w].bytes = 7; }), 0);
}

TEST(Delegate, RefusesLessMemoryThanAShapeSays) {
  const DelegatePtr delegate = make_delegate();
  FakeRuntime runtime;
  const Model model(runtime);
  ASSERT_EQ(runtime.apply(delegate.get()), kTfLiteOk);
  ASSERT_EQ(runtime.allocate(), kTfLiteOk);
  for (int tensor : {model.x, model.y}) {
    runtime[tensor].bytes -= 4;
    EXPECT_EQ(runtime.invoke(), kTfLiteError);
    EXPECT_EQ(runtime.error().rfind("tfsparse: expected ", 0), 0) << runtime.error();
    runtime[tensor].bytes += 4;
  }
  EXPECT_EQ(runtime.invoke(), kTfLiteOk);
}

// If one field is wrong, none may be used, not even to report the error.
TEST(Adapter, UsesNoContextWithAnotherLayout) {
  const std::vector<std::function<void(TfLiteContext*)>> changes = {
      [](TfLiteContext* context) { context->tensors_size = std::size_t{1} << 40; },
      [](TfLiteContext* context) { context->PreviewDelegatePartitioning = nullptr; }};
  for (const auto& change : changes) {
    FakeRuntime runtime;
    const Model model(runtime);
    change(&runtime.context());
    const DelegatePtr delegate = make_delegate();
    EXPECT_EQ(runtime.apply(delegate.get()), kTfLiteError);
    EXPECT_EQ(runtime.error(), "");
  }
}

}  // namespace
