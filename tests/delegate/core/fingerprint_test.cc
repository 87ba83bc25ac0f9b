// Which graphs have the same fingerprint.
#include "delegate/core/graph/fingerprint.h"

#include <algorithm>
#include <functional>

#include "delegate/core/graph/hasher.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"

using namespace tfsparse;
using namespace tfsparse::testing;

namespace {

// The hash of two successive 1x1 convolutions after a change.
std::uint64_t changed(const std::function<void(Graph&)>& change) {
  GraphBuilder builder;
  const int x = builder.input({1, 5, 5, 2});
  builder.graph.outputs = {builder.scaling(builder.scaling(x, 2, 3.0f), 2, 5.0f)};
  for (const Node& node : builder.graph.nodes) {
    builder.graph.tensors[node.output].shape = {1, 5, 5, 2};
  }
  change(builder.graph);
  return fingerprint(builder.graph);
}

TEST(Fingerprint, IsAMurmurHash) {
  // std::hash of libstdc++ is the same function with this seed
  constexpr std::uint64_t kSeed = 0xc70f6907;
  EXPECT_EQ(hash_bytes("tfsparse", 8, kSeed), 0x840ce71446460813);
  EXPECT_EQ(hash_bytes("a longer text of 23 byt", 23, kSeed), 0x550947184621351e);
}

TEST(Fingerprint, IsEqualForEqualGraphs) {
  const std::uint64_t usual = changed([](Graph&) {});
  EXPECT_EQ(usual, changed([](Graph& graph) { graph.tensors[0].name = "image"; }));
  EXPECT_EQ(usual, changed([](Graph& graph) { graph.tensors.push_back(Tensor()); }));
}

TEST(Fingerprint, DiffersWithEveryProperty) {
  static const float kOther[4] = {3, 0, 0, 3.5f};
  const std::vector<std::function<void(Graph&)>> changes = {
      [](Graph&) {},
      [](Graph& graph) { as<Convolution>(graph.nodes[1])->window.stride_w = 2; },
      [](Graph& graph) { as<Convolution>(graph.nodes[0])->epilogue.lo = 0; },
      [](Graph& graph) { as<Convolution>(graph.nodes[0])->window.padding = Padding::kSame; },
      [](Graph& graph) { graph.nodes[0].type = "DEPTHWISE_CONV_2D"; },
      [](Graph& graph) { graph.nodes[0].code = 4; },
      [](Graph& graph) { graph.nodes[0].id = 7; },
      [](Graph& graph) { graph.nodes[1].inputs[0] = 0; },
      [](Graph& graph) { graph.tensors[0].shape = {1, 5, 6, 2}; },
      [](Graph& graph) { graph.tensors[0].type = DType::kFloat16; },
      [](Graph& graph) { graph.tensors[0].size_is_open = true; },
      [](Graph& graph) { graph.tensors[graph.nodes[0].inputs[1]].data = kOther; },
      [](Graph& graph) {
        graph.tensors[graph.nodes[0].inputs[1]].sparsity = std::make_shared<SparseEncoding>();
      },
      [](Graph& graph) { graph.outputs.push_back(graph.nodes[0].output); },
  };
  std::vector<std::uint64_t> seen;
  for (const auto& change : changes) {
    const std::uint64_t found = changed(change);
    EXPECT_EQ(std::find(seen.begin(), seen.end(), found), seen.end());
    seen.push_back(found);
  }
}

TEST(Fingerprint, HasOneStructureForRepeatedBlocks) {
  const auto structure = [](int tensors_before, float scale, double sparsity) {
    GraphBuilder builder;
    for (int i = 0; i < tensors_before; ++i) builder.constant({1}, {1.0f});
    builder.scaling(builder.input({1, 5, 5, 2}), 2, scale);
    builder.graph.nodes[0].id = 10 + tensors_before;
    std::vector<double> zeros(builder.graph.tensors.size(), 0.0);
    zeros[builder.graph.nodes[0].inputs[1]] = sparsity;
    return structure_fingerprint(builder.graph, zeros);
  };
  EXPECT_EQ(structure(0, 1.0f, 0.81), structure(3, 2.0f, 0.79));
  EXPECT_NE(structure(0, 1.0f, 0.8), structure(0, 1.0f, 0.6));
}

}  // namespace
