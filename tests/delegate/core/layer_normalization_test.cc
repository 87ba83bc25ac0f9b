// Chains of operators that compute a layer normalization become one step with the same results.
#include "delegate/core/rewriting/layer_normalization.h"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "delegate/core/graph/infer.h"
#include "delegate/core/operators/elementwise/layer_normalization.h"
#include "delegate/core/operators/shapes/reduction.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/buffers.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

namespace tfsparse {
namespace {

using testing::build;
using testing::GraphBuilder;
using testing::Random;
using testing::run;

constexpr int kChannels = 3;
constexpr float kEpsilon = 0.125f, kInfinity = __builtin_huge_valf();
const std::vector<float> kGamma = {2, -1, 0.5}, kBeta = {0.25, 3, -1};

// The operators that the forms share.
struct Chain {
  GraphBuilder b;
  int x, mean;

  explicit Chain(const Shape& shape) : x(b.input(shape)), mean(mean_of(x)) {}

  int mean_of(int tensor, int axis = -1) {
    Reduce reduce;
    reduce.keep_dims = true;
    return b.node(reduce, {tensor, b.ints({axis})}).output;
  }
  int unary(int tensor, Unary kind) { return b.unary(tensor, kind, -kInfinity, kInfinity); }
  int add(int l, int r) { return b.binary(l, r, Binary::kAdd); }
  int sub(int l, int r) { return b.binary(l, r, Binary::kSub); }
  int mul(int l, int r) { return b.binary(l, r, Binary::kMul); }
  int gamma() { return b.constant({1, kChannels}, kGamma); }
  int beta() { return b.constant({kChannels}, kBeta); }
  int epsilon() { return b.constant({}, {kEpsilon}); }
  int reciprocal(int squares) { return unary(add(mean_of(squares), epsilon()), Unary::kRsqrt); }
  int scale() { return mul(reciprocal(b.binary(x, mean, Binary::kSquaredDifference)), gamma()); }
};

struct Form {
  const char* name;
  std::function<int(Chain&)> add;
  bool has_gamma, has_beta;
};

const Form kForms[] = {
    {"keras",
     [](Chain& c) {
       const int scale = c.scale();
       const int shift = c.mul(c.unary(c.mean, Unary::kNegate), scale);
       return c.add(c.mul(c.x, scale), c.add(shift, c.beta()));
     },
     true, true},
    {"keras without an offset",
     [](Chain& c) {
       const int scale = c.scale();
       return c.add(c.mul(c.unary(c.mean, Unary::kNegate), scale), c.mul(scale, c.x));
     },
     true, false},
    {"subtracted mean",
     [](Chain& c) {
       const int scale = c.scale();
       return c.add(c.mul(c.x, scale), c.sub(c.beta(), c.mul(c.mean, scale)));
     },
     true, true},
    {"difference",
     [](Chain& c) {
       const int difference = c.sub(c.x, c.mean);
       const int normal = c.mul(difference, c.reciprocal(c.unary(difference, Unary::kSquare)));
       return c.add(c.mul(c.gamma(), normal), c.beta());
     },
     true, true},
    {"difference without parameters",
     [](Chain& c) {
       const int difference = c.sub(c.x, c.mean);
       return c.mul(difference, c.reciprocal(c.mul(difference, difference)));
     },
     false, false},
};

std::vector<float> normalized(const std::vector<float>& x, const Form& form) {
  std::vector<float> y(x.size());
  for (std::size_t row = 0; row < x.size(); row += kChannels) {
    double mean = 0, variance = 0;
    for (int c = 0; c < kChannels; ++c) mean += x[row + c] / kChannels;
    for (int c = 0; c < kChannels; ++c) variance += std::pow(x[row + c] - mean, 2) / kChannels;
    for (int c = 0; c < kChannels; ++c) {
      const double normal = (x[row + c] - mean) / std::sqrt(variance + kEpsilon);
      y[row + c] = static_cast<float>(normal * (form.has_gamma ? kGamma[c] : 1) +
                                      (form.has_beta ? kBeta[c] : 0));
    }
  }
  return y;
}

TEST(LayerNormalization, IsFoundInEachForm) {
  Random random(3);
  for (const Shape& shape :
       std::vector<Shape>{{1, kChannels}, {70, kChannels}, {2, 5, 9, kChannels}}) {
    for (const Form& form : kForms) {
      Chain chain(shape);
      chain.b.graph.outputs = {form.add(chain)};
      std::vector<float> x(element_count(shape));
      for (float& value : x) value = random.normal();
      auto plan = build(chain.b.graph);
      std::string kernels;
      for (const auto& step : plan->steps()) kernels += step->parts[0].kernel + ";";
      EXPECT_NE(kernels.find("layer normalization"), std::string::npos) << form.name;
      EXPECT_EQ(kernels.find("elementwise"), std::string::npos) << form.name << ": " << kernels;
      const std::vector<float> y = run(plan.get(), x), expected = normalized(x, form);
      for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], 1e-5) << form.name;
    }
  }
}

int found_in(const std::function<int(Chain&)>& add) {
  Chain chain({2, 5, 9, kChannels});
  chain.b.graph.outputs = {add(chain)};
  EXPECT_TRUE(infer_shapes(&chain.b.graph).ok());
  find_layer_normalizations(&chain.b.graph);
  int count = 0;
  for (const Node& node : chain.b.graph.nodes) count += as<LayerNormalization>(node) != nullptr;
  return count;
}

TEST(LayerNormalization, IsNothingElse) {
  const auto with_scale = [](const std::function<int(Chain&)>& scale) {
    return found_in([&](Chain& c) {
      const int s = scale(c);
      return c.add(c.mul(c.x, s), c.mul(c.unary(c.mean, Unary::kNegate), s));
    });
  };
  EXPECT_EQ(with_scale([](Chain& c) { return c.scale(); }), 1);
  // The mean of other squares.
  EXPECT_EQ(with_scale([](Chain& c) { return c.reciprocal(c.unary(c.x, Unary::kSquare)); }), 0);
  // The mean over other dimensions.
  EXPECT_EQ(with_scale([](Chain& c) {
              const int squares = c.b.binary(c.x, c.mean, Binary::kSquaredDifference);
              return c.unary(c.add(c.mean_of(squares, 1), c.epsilon()), Unary::kRsqrt);
            }),
            0);
  // Two different scales.
  EXPECT_EQ(found_in([](Chain& c) {
              const int shift = c.mul(c.unary(c.mean, Unary::kNegate), c.scale());
              return c.add(c.mul(c.x, c.scale()), shift);
            }),
            0);
  // A mean that is added.
  EXPECT_EQ(found_in([](Chain& c) {
              const int scale = c.scale();
              return c.add(c.mul(c.x, scale), c.mul(c.mean, scale));
            }),
            0);
}

}  // namespace
}  // namespace tfsparse
