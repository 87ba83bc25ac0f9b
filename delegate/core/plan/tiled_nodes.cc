#include "delegate/core/plan/tiled_nodes.h"

#include <algorithm>
#include <map>
#include <utility>

#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

// Images from this many bytes on use row tiling. Measured on MobileNetV2: at 600 KB and below,
// whole tensors are faster.
constexpr std::size_t kTileFrom = 1000 << 10;

// Only float images: few rows at a time would read a dense layer's many weights too often. Measured
// on layers of 1024 x 1024 with 75 % zeros over 256 rows: in tiles 2.6 ms, whole 2.1.
bool is_row_step(const Graph& graph, const Node& node) {
  const Shape& y = graph.tensors[node.output].shape;
  return as<ImageConvolution>(node) != nullptr && y.size() == 4 && is_image(y) &&
         graph.tensors[node.output].type != DType::kInt8;
}

// Whether an output depends on several rows. In tiles of few rows such a step is slower, so it pays
// only if its input stays in the tile, too: over the images of MobileNetV1 and Xception, depthwise
// convolutions that read a whole tensor take up to 1.5 times as long in tiles.
bool reads_neighbours(const Graph& graph, const Node& node) {
  return filter_shape(graph, node)[1] > 1;
}

// Output rows that a tile must have at least. Measured with 512 KB of L2: with three the first
// layers of MobileNetV2 are 3 % faster than whole, with one or two those of MobileViT take 1.3
// to 1.8 times as long.
int fewest_rows(const Graph& graph, const std::vector<const Node*>& nodes) {
  const bool any = std::any_of(nodes.begin(), nodes.end(),
                               [&](const Node* node) { return reads_neighbours(graph, *node); });
  return any ? 3 : 1;
}

// Bytes of packed weights. Reads those of a node at most once.
class WeightBytes {
 public:
  WeightBytes(const Graph& graph, std::size_t element_bytes)
      : graph_(graph), element_bytes_(element_bytes) {}

  std::size_t of(const Node& node) {
    const auto [known, is_new] = known_.emplace(&node, 0);
    if (is_new) known->second = count(graph_.tensors[node.inputs[1]]);
    return known->second;
  }

 private:
  // A nonzero has an offset of 16 bits.
  std::size_t count(const Tensor& weights) const {
    std::vector<float> values;
    if (!read_floats(weights, &values).ok()) return 0;
    const auto zeros = std::count(values.begin(), values.end(), 0.0f);
    return (values.size() - zeros) * (element_bytes_ + sizeof(std::uint16_t));
  }

  const Graph& graph_;
  std::size_t element_bytes_;
  std::map<const Node*, std::size_t> known_;
};

// Whether tiles read less than they save, as each tile reads all weights and a whole tensor between
// two steps is written and read once. Measured on Xception's layers of 728 x 728 weights over 19 x
// 19 pixels with 75 % zeros: in tiles 50 GFLOP/s, whole 61.
bool saves_reads(const Graph& graph, const std::vector<const Node*>& nodes, const RowTiling& tiling,
                 std::size_t element_bytes, WeightBytes* bytes) {
  const int height = chw_layout(graph.tensors[nodes.back()->output].shape).height;
  const std::size_t tiles = (height + tiling.rows - 1) / tiling.rows;
  std::size_t weights = 0, between = 0;
  for (const Node* node : nodes) {
    weights += bytes->of(*node);
    if (node != nodes.back()) {
      between += chw_layout(graph.tensors[node->output].shape).image() * element_bytes;
    }
  }
  return tiles * weights <= 2 * between;
}

}  // namespace

RowWindow row_window(const Graph& graph, const Node& node) {
  const Window& window = as<ImageConvolution>(node)->window;
  return {filter_shape(graph, node)[1], window.stride_h, window.dilation_h,
          chw_layout(graph.tensors[node.output].shape)};
}

std::vector<std::vector<const Node*>> find_tiled_nodes(const Graph& graph,
                                                       std::size_t element_bytes) {
  std::vector<int> uses(graph.tensors.size(), 0);  // including the graph's outputs
  std::vector<int> producer(graph.tensors.size(), -1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (int input : node.inputs) uses[std::max(input, 0)] += input >= 0;
    producer[node.output] = static_cast<int>(i);
  }
  for (int output : graph.outputs) ++uses[output];

  WeightBytes bytes(graph, element_bytes);
  std::vector<std::vector<const Node*>> tiled(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    tiled[i] = {&node};
    const int x = node.inputs[0], before = producer[x];
    if (before < 0 || !is_row_step(graph, node) || !is_row_step(graph, graph.nodes[before]) ||
        uses[x] != 1 || tiled[before].size() >= kMostTiledSteps ||
        residual_of(graph.nodes[before]) >= 0 ||
        as<ImageConvolution>(node)->reads_ahead(graph, node) ||
        chw_layout(graph.tensors[x].shape).image() * element_bytes < kTileFrom) {
      continue;
    }
    if (tiled[before].size() == 1 && reads_neighbours(graph, graph.nodes[before])) continue;
    std::vector<const Node*> joined = tiled[before];
    joined.push_back(&node);
    std::vector<RowWindow> windows;
    for (const Node* one : joined) windows.push_back(row_window(graph, *one));
    const RowTiling tiling = plan_row_tiling(windows, element_bytes);
    if (tiling.rows < fewest_rows(graph, joined) ||
        !saves_reads(graph, joined, tiling, element_bytes, &bytes)) {
      continue;
    }
    tiled[before].clear();
    tiled[i] = std::move(joined);
  }
  return tiled;
}

}  // namespace tfsparse
