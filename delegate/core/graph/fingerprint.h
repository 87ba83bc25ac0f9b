// 64-bit hashes of graphs, by which results of autotuning are found again.
#pragma once

#include <cstdint>
#include <vector>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Hash of the operators, their parameters, the types and shapes of the tensors, and the bytes of
// the constants. Names of tensors do not count.
std::uint64_t fingerprint(const Graph& graph);

// The same, with the density of each constant instead of its bytes: equal for repeated blocks of a
// network. `sparsity` has the fraction of zeros of every tensor of the graph; it counts in tenths.
std::uint64_t structure_fingerprint(const Graph& graph, const std::vector<double>& sparsity);

}  // namespace tfsparse
