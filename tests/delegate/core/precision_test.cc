// A network in float16 against float32, and the precision option.
#include <cmath>

#include "delegate/core/operators/elementwise/softmax.h"
#include "delegate/core/operators/shapes/reduction.h"
#include "delegate/core/operators/weighted/depthwise_convolution.h"
#include "delegate/core/plan/plan.h"
#include "delegate/tflite/options.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/buffers.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/kernels/half.h"

namespace tfsparse {
namespace {

using testing::GraphBuilder;
using testing::kHalfRounding;
using testing::Random;

constexpr int kSide = 48, kClasses = 12;

// One block of MobileNetV3 and EfficientNet: a stem, inverted bottlenecks with sparse weights,
// squeeze and excite, a residual, pooling and a dense classifier.
class Network {
 public:
  Network() {
    int x = convolution(b_.input({1, kSide, kSide, 3}), 3, 16, 3, 2, 0.0);
    activate(Activation::kHardSwish);
    x = bottleneck(x, 16, 1);
    x = b_.binary(bottleneck(x, 16, 1), x, Binary::kAdd);
    x = bottleneck(x, 24, 2);
    x = convolution(x, 24, 64, 1, 1, 0.0);
    activate(Activation::kSwish);
    const int logits = dense(mean(x, false), 64);
    const int softmax = b_.node(Softmax(), {logits}).output;
    b_.graph.outputs = {logits, softmax};
  }

  const Graph& graph() const { return b_.graph; }

 private:
  std::vector<float> weights(int count, int fan_in, double zeros) {
    std::vector<float> values(count);
    const double scale = std::sqrt(2.0 / (fan_in * (1.0 - zeros)));
    for (float& v : values) v = random_.chance(zeros) ? 0.0f : random_.normal() * scale;
    return values;
  }

  int bias(int count) {
    std::vector<float> values(count);
    for (float& v : values) v = 0.1f * random_.normal();
    return b_.constant({count}, values);
  }

  template <class T>
  static T same_padded(int stride) {
    T op;
    op.window.padding = Padding::kSame;
    op.window.stride_h = op.window.stride_w = stride;
    return op;
  }

  int convolution(int x, int from, int to, int kernel, int stride, double zeros) {
    const int taps = kernel * kernel * from;
    const int w = b_.constant({to, kernel, kernel, from}, weights(to * taps, taps, zeros));
    return b_.node(same_padded<Convolution>(stride), {x, w, bias(to)}).output;
  }

  int depthwise(int x, int channels, int kernel, int stride) {
    const int taps = kernel * kernel;
    const int w = b_.constant({1, kernel, kernel, channels}, weights(channels * taps, taps, 0.0));
    return b_.node(same_padded<DepthwiseConvolution>(stride), {x, w, bias(channels)}).output;
  }

  int mean(int x, bool keep_dims) {
    Reduce mean(Reduction::kMean);
    mean.keep_dims = keep_dims;
    return b_.node(mean, {x, b_.ints({1, 2})}).output;
  }

  int dense(int x, int from) {
    const int w = b_.constant({kClasses, from}, weights(kClasses * from, from, 0.0));
    return b_.node(FullyConnected(), {x, w, bias(kClasses)}).output;
  }

  // Of the last convolution.
  Epilogue& epilogue() { return as<ImageConvolution>(b_.graph.nodes.back())->epilogue; }
  void activate(Activation activation) { epilogue().activation = activation; }

  // Its input has 16 channels.
  int bottleneck(int x, int channels, int stride) {
    constexpr int kFrom = 16, kWide = 64;
    x = convolution(x, kFrom, kWide, 1, 1, 0.75);
    epilogue().lo = 0.0f;
    epilogue().hi = 6.0f;
    x = depthwise(x, kWide, stride == 1 ? 5 : 3, stride);
    activate(Activation::kHardSwish);
    int gate = convolution(mean(x, true), kWide, kFrom, 1, 1, 0.0);
    gate = convolution(gate, kFrom, kWide, 1, 1, 0.0);
    activate(Activation::kSigmoid);
    return convolution(b_.binary(x, gate, Binary::kMul), kWide, channels, 1, 1, 0.75);
  }

  Random random_{3};
  GraphBuilder b_;
};

struct Outputs {
  std::vector<float> logits = std::vector<float>(kClasses);
  std::vector<float> softmax = std::vector<float>(kClasses);
};

Outputs run(Plan* plan, const std::vector<float>& image) {
  Outputs outputs;
  ThreadPool pool(1);
  plan->run(&pool, {image.data()}, {outputs.logits.data(), outputs.softmax.data()});
  return outputs;
}

TEST(Float16, RunsANetworkAsFloat32Does) {
  const Kernels* half = find_fp16_kernels(best_kernels());
  if (half == nullptr) GTEST_SKIP() << "this CPU does not compute in float16";
  const Network network;
  std::unique_ptr<Plan> expected, actual;
  ASSERT_TRUE(Plan::build(network.graph(), best_kernels(), 1, &expected).ok());
  ASSERT_TRUE(Plan::build(network.graph(), *half, 1, &actual).ok());
  EXPECT_LT(actual->arena_bytes(), 0.6 * expected->arena_bytes());
  Random random(5);
  double worst = 0;
  for (int i = 0; i < 8; ++i) {
    std::vector<float> image(kSide * kSide * 3);
    for (float& v : image) v = random.normal();
    const Outputs e = run(expected.get(), image), a = run(actual.get(), image);
    double largest = 0, error = 0;
    for (int c = 0; c < kClasses; ++c) {
      largest = std::fmax(largest, std::fabs(e.logits[c]));
      error = std::fmax(error, std::fabs(a.logits[c] - e.logits[c]));
      EXPECT_NEAR(a.softmax[c], e.softmax[c], error);  // its derivative is at most 1
    }
    worst = std::fmax(worst, error / largest);
  }
  // Twenty layers, each with one rounding.
  EXPECT_LT(worst, 20 * kHalfRounding);
}

Status parse(const char* value, Options* options) {
  const char* key = "precision";
  return parse_options(&key, &value, 1, options);
}

TEST(Float16, IsUsedIfTheCpuSupportsIt) {
  Options options;
  EXPECT_TRUE(parse("fp32", &options).ok());
  EXPECT_EQ(options.kernels, &best_kernels());
  EXPECT_FALSE(options.lacks_fp16);
  EXPECT_TRUE(parse("fp16", &options).ok());
  const Kernels* fp16 = find_fp16_kernels(best_kernels());
  EXPECT_EQ(options.lacks_fp16, fp16 == nullptr);
  EXPECT_EQ(options.kernels, fp16 ? fp16 : &best_kernels());
  EXPECT_NE(parse("bf16", &options).message().find("expected fp16 or fp32, received 'bf16'"),
            std::string::npos);
}

}  // namespace
}  // namespace tfsparse
