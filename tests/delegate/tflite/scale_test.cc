// The loading time grows linearly with the number of operators.
#include <algorithm>
#include <ctime>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/delegate/tflite/fake_runtime.h"
#include "tests/delegate/tflite/plugin.h"

using namespace tfsparse::testing;

namespace {

constexpr int kOperators = 8000, kTopK = 48;
constexpr ConvParams kConv{kTfLitePaddingSame, 1, 1, kTfLiteActNone, 1, 1};

// A chain of operators on [1, 2, 2, 1] images. add(runtime, i, x, y) adds operator i.
template <class Add>
std::unique_ptr<FakeRuntime> chain(int operators, const Add& add) {
  auto runtime = std::make_unique<FakeRuntime>();
  int x = runtime->tensor({1, 2, 2, 1});
  for (int i = 0; i < operators; ++i) {
    const int y = runtime->tensor({1, 2, 2, 1});
    add(runtime.get(), i, x, y);
    x = y;
  }
  runtime->outputs = {x};
  return runtime;
}

// CPU seconds that applying a delegate takes. The process may be paused meanwhile.
double seconds_to_apply(FakeRuntime* runtime, TfLiteDelegate* delegate) {
  const std::clock_t start = std::clock();
  EXPECT_EQ(runtime->apply(delegate), kTfLiteOk);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

// load(operators) returns the seconds of one loading. Eight times the operators take 8 to 16 times
// as long, since their data exceed the caches. If the time grew with the square, it would be 64.
template <class Load>
void expect_linear_time(const Load& load) {
  const double few = std::min(load(kOperators / 8), load(kOperators / 8));
  double many = load(kOperators);
  if (many >= 32 * few) many = load(kOperators);  // something else may have held it up
  EXPECT_LT(many, 32 * few);
}

TEST(LoadingTime, OfOnePartWhoseActivationsAreFused) {
  expect_linear_time([](int operators) {
    const DelegatePtr delegate = make_delegate();  // outlives the runtime
    const auto runtime = chain(operators, [](FakeRuntime* r, int i, int x, int y) {
      if (i % 2 > 0) return r->node(kTfLiteBuiltinRelu, {x}, {y});
      r->node(kTfLiteBuiltinConv2d, {x, r->floats({1, 1, 1, 1}, {1})}, {y}, kConv);
    });
    const double seconds = seconds_to_apply(runtime.get(), delegate.get());
    EXPECT_EQ(runtime->parts(), 1);
    EXPECT_EQ(runtime->left(), 0);
    EXPECT_EQ(runtime->allocate(), kTfLiteOk);
    for (int i = 0; i < 4; ++i) runtime->data(0)[i] = static_cast<float>(i - 1);
    EXPECT_EQ(runtime->invoke(), kTfLiteOk);
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(runtime->data(runtime->outputs[0])[i], std::max(0.0f, static_cast<float>(i - 1)));
    }
    return seconds;
  });
}

TEST(LoadingTime, OfManyParts) {
  expect_linear_time([](int operators) {
    const DelegatePtr delegate = make_delegate();  // outlives the runtime
    constexpr int kParts = 10;
    const auto runtime = chain(operators, [operators](FakeRuntime* r, int i, int x, int y) {
      if (i % (operators / kParts) == 0) return r->node(kTopK, {x}, {y});
      r->node(kTfLiteBuiltinConv2d, {x, r->floats({1, 1, 1, 1}, {1})}, {y}, kConv);
    });
    const double seconds = seconds_to_apply(runtime.get(), delegate.get());
    EXPECT_EQ(runtime->parts(), kParts);
    EXPECT_EQ(runtime->left(), kParts);
    return seconds;
  });
}

// Each is left because the next one is, from last to first.
TEST(LoadingTime, OfAChainOfDependentNodes) {
  expect_linear_time([](int operators) {
    const DelegatePtr delegate = make_delegate();  // outlives the runtime
    FakeRuntime runtime;
    const int x = runtime.tensor({1, 2, 2, 1});
    int size = runtime.tensor({}, kTfLiteInt32);
    const int shape = runtime.tensor({4}, kTfLiteInt32);
    const auto at = [&](int i) { return runtime.constant<int>({1}, {i}, kTfLiteInt32); };
    const int zero = at(0), one = at(1);
    const StridedSliceParams slice{0, 0, 0, 0, 1, false};
    runtime.node(kTfLiteBuiltinShape, {x}, {shape});
    runtime.node(kTfLiteBuiltinStridedSlice, {shape, zero, one, one}, {size}, slice);
    for (int i = 0; i < operators / 2; ++i) {
      const int packed = runtime.tensor({1}, kTfLiteInt32), next = runtime.tensor({}, kTfLiteInt32);
      runtime.node(kTfLiteBuiltinPack, {size}, {packed}, PackParams{1, 0});
      runtime.node(kTfLiteBuiltinStridedSlice, {packed, zero, one, one}, {next}, slice);
      size = next;
    }
    const int y = runtime.tensor({1, 2, 2, 1});
    runtime.node(kTopK, {size}, {y});
    runtime.outputs = {y};
    const double seconds = seconds_to_apply(&runtime, delegate.get());
    EXPECT_EQ(runtime.parts(), 0);
    EXPECT_EQ(runtime.left(), operators + 3);
    return seconds;
  });
}

TEST(LoadingTime, OfOneOperatorOfManyOutputs) {
  expect_linear_time([](int outputs) {
    const DelegatePtr delegate = make_delegate();  // outlives the runtime
    FakeRuntime runtime;
    const int x = runtime.tensor({1, outputs}), axis = runtime.constant<int>({}, {1}, kTfLiteInt32);
    std::vector<int> parts;
    for (int i = 0; i < outputs; ++i) parts.push_back(runtime.tensor({1, 1}));
    runtime[parts.back()].type = kTfLiteInt64;  // so all are left
    runtime.node(kTfLiteBuiltinSplit, {axis, x}, parts);
    runtime.outputs = parts;
    const double seconds = seconds_to_apply(&runtime, delegate.get());
    EXPECT_EQ(runtime.parts(), 0);
    EXPECT_EQ(runtime.left(), 1);
    return seconds;
  });
}

}  // namespace
