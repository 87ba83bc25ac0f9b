// A failed allocation anywhere in the delegate gives an error, no exception. Everything works again
// once there is memory.
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "gtest/gtest.h"
#include "tests/delegate/tflite/fake_runtime.h"
#include "tests/delegate/tflite/plugin.h"

namespace {

// allocations that succeed before one fails; negative: all do
thread_local int allocations_left = -1;

}  // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (allocations_left == 0) {
    allocations_left = -1;
    return nullptr;
  }
  if (allocations_left > 0) --allocations_left;
  return std::malloc(size > 0 ? size : 1);
}
void* operator new(std::size_t size) {
  if (void* memory = ::operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace tfsparse::testing;

namespace {

// Excludes allocations of the runtime.
template <class Body>
auto in_runtime(const Body& body) {
  const int left = allocations_left;
  allocations_left = -1;
  const auto result = body();
  allocations_left = left;
  return result;
}

FakeRuntime real;  // implements the functions
bool init_failed;  // of a part, since it was last set to false

TfLiteStatus get_plan(TfLiteContext* context, TfLiteIntArray** plan) {
  return in_runtime([&] { return real.context().GetExecutionPlan(context, plan); });
}
TfLiteStatus get_node(TfLiteContext* context, int id, TfLiteNode** node,
                      TfLiteRegistration** registration) {
  return in_runtime(
      [&] { return real.context().GetNodeAndRegistration(context, id, node, registration); });
}
TfLiteStatus preview(TfLiteContext* context, const TfLiteIntArray* nodes,
                     TfLiteDelegateParams** parts, int* count) {
  return in_runtime(
      [&] { return real.context().PreviewDelegatePartitioning(context, nodes, parts, count); });
}
// Counts the delegate's own part, init.
TfLiteStatus replace(TfLiteContext* context, TfLiteRegistration registration,
                     const TfLiteIntArray* nodes, TfLiteDelegate* delegate) {
  static int left;
  static void* (*init)(TfLiteContext*, const char*, std::size_t);
  left = allocations_left;
  init = registration.init;
  registration.init = [](TfLiteContext* context, const char* buffer, std::size_t length) {
    allocations_left = left;
    void* const result = init(context, buffer, length);
    left = allocations_left;
    allocations_left = -1;
    init_failed = init_failed || result == reinterpret_cast<void*>(-1);  // as TFLite defines it
    return result;
  };
  allocations_left = -1;
  const TfLiteStatus status =
      real.context().ReplaceNodeSubsetsWithDelegateKernels(context, registration, nodes, delegate);
  allocations_left = left;
  return status;
}
TfLiteStatus resize(TfLiteContext* context, TfLiteTensor* tensor, TfLiteIntArray* dims) {
  return in_runtime([&] { return real.context().ResizeTensor(context, tensor, dims); });
}

// A network with every kind of step that packs weights.
struct Model {
  explicit Model(FakeRuntime& runtime) {
    runtime.context().GetExecutionPlan = get_plan;
    runtime.context().GetNodeAndRegistration = get_node;
    runtime.context().PreviewDelegatePartitioning = preview;
    runtime.context().ReplaceNodeSubsetsWithDelegateKernels = replace;
    runtime.context().ResizeTensor = resize;
    const ConvParams conv{kTfLitePaddingSame, 1, 1, kTfLiteActRelu, 1, 1};
    const DepthwiseConvParams depthwise{kTfLitePaddingSame, 2, 2, 1, kTfLiteActNone, 1, 1};
    const FullyConnectedParams dense{kTfLiteActNone, 0, false};
    x = runtime.tensor({1, 8, 8, 4});
    const int first = runtime.tensor({1, 8, 8, 8}), second = runtime.tensor({1, 4, 4, 8});
    const int third = runtime.tensor({1, 4, 4, 8});
    y = runtime.tensor({1, 5});
    std::vector<float> sparse(8 * 9 * 4, 0.0f);
    for (std::size_t i = 0; i < sparse.size(); i += 5) sparse[i] = 1.0f;
    const auto ones = [](int count) { return std::vector<float>(count, 1.0f); };
    runtime.node(kTfLiteBuiltinConv2d, {x, runtime.floats({8, 3, 3, 4}, sparse)}, {first}, conv);
    runtime.node(kTfLiteBuiltinDepthwiseConv2d, {first, runtime.floats({1, 3, 3, 8}, ones(72))},
                 {second}, depthwise);
    runtime.node(kTfLiteBuiltinAdd, {second, runtime.floats({8}, ones(8))}, {third},
                 ArithmeticParams{kTfLiteActNone});
    runtime.node(kTfLiteBuiltinFullyConnected, {third, runtime.floats({5, 128}, ones(640))}, {y},
                 dense);
    runtime.outputs = {y};
  }
  int x, y;
};

struct Outcome {
  bool was_short;
  TfLiteStatus status;
};

// The outcome of a call with memory for `succeeding` allocations; no other call counts them. It
// must report a lack of memory, unless it can do without, as a sort can. For a large buffer, it
// reports the size.
template <class Call>
Outcome with_memory_for(int succeeding, FakeRuntime* runtime, const Call& call) {
  allocations_left = succeeding;
  const TfLiteStatus status = call();
  const bool was_short = allocations_left < 0;
  allocations_left = -1;
  EXPECT_TRUE(was_short || status == kTfLiteOk);
  EXPECT_TRUE(status == kTfLiteOk || runtime->error() == "tfsparse: out of memory" ||
              runtime->error().find("tfsparse: no memory for") == 0)
      << runtime->error();
  return {was_short, status};
}

TEST(OutOfMemory, IsAnErrorOfPartitioning) {
  const DelegatePtr delegate = make_delegate();
  int succeeding = 0, failed_inits = 0;
  for (bool is_short = true; is_short; ++succeeding) {
    FakeRuntime runtime;
    const Model model(runtime);
    init_failed = false;
    const Outcome outcome =
        with_memory_for(succeeding, &runtime, [&] { return runtime.apply(delegate.get()); });
    is_short = outcome.was_short;
    if (init_failed) {
      // A runtime that goes on in spite of the error must not run a part that does not exist.
      ++failed_inits;
      EXPECT_EQ(outcome.status, kTfLiteError);
      EXPECT_EQ(runtime.allocate(), kTfLiteError);
      EXPECT_EQ(runtime.invoke(), kTfLiteError);
    }
    if (outcome.status != kTfLiteOk) continue;
    // What cannot be planned for lack of memory is left to the runtime.
    if (!is_short) {
      EXPECT_EQ(runtime.parts(), 1);
    }
    EXPECT_EQ(runtime.left(), runtime.parts() > 0 ? 0 : 4);
    EXPECT_EQ(runtime.allocate(), kTfLiteOk);
    EXPECT_EQ(runtime.invoke(), kTfLiteOk);
  }
  EXPECT_GT(succeeding, 100);
  EXPECT_GT(failed_inits, 0);
}

TEST(OutOfMemory, IsAnErrorOfRunning) {
  const DelegatePtr delegate = make_delegate();  // outlives the runtime
  FakeRuntime runtime;
  const Model model(runtime);
  ASSERT_EQ(runtime.apply(delegate.get()), kTfLiteOk);
  ASSERT_EQ(runtime.allocate(), kTfLiteOk);
  std::fill_n(runtime.data(model.x), 8 * 8 * 4, 1.0f);
  ASSERT_EQ(runtime.invoke(), kTfLiteOk);
  const std::vector<float> expected(runtime.data(model.y), runtime.data(model.y) + 5);
  int succeeding = 0;
  for (bool is_short = true; is_short; ++succeeding) {
    const int batch = 1 + succeeding % 2;
    runtime.resize(model.x, {batch, 8, 8, 4});  // replanned during the invocation
    std::fill_n(runtime.data(model.x), batch * 8 * 8 * 4, 1.0f);
    const Outcome outcome = with_memory_for(succeeding, &runtime, [&] { return runtime.invoke(); });
    is_short = outcome.was_short;
    if (outcome.status != kTfLiteOk) continue;
    EXPECT_EQ(runtime.shape(model.y), (std::vector<int>{batch, 5}));
    for (int i = 0; i < 5 * batch; ++i) EXPECT_EQ(runtime.data(model.y)[i], expected[i % 5]);
  }
  EXPECT_GT(succeeding, 50);
}

TEST(OutOfMemory, IsAnErrorOfCreating) {
  const char *key = "tuning", *value = "a key that is too long for a string without memory";
  static int reports;
  reports = 0;
  for (int failures = 0;; ++failures) {
    allocations_left = failures;
    const DelegatePtr delegate(
        tflite_plugin_create_delegate(&key, &value, 1, [](const char*) { ++reports; }));
    const bool was_short = allocations_left < 0;
    allocations_left = -1;
    EXPECT_EQ(delegate == nullptr, was_short);
    EXPECT_EQ(reports, failures + was_short);
    if (!was_short) break;
  }
  EXPECT_GT(reports, 1);
}

}  // namespace
