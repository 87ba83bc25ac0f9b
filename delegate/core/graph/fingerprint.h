// 64-bit hashes of graphs: the keys of autotuning results.
#pragma once

#include <cstdint>
#include <vector>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Hash of the operators, their parameters, the types and shapes of the tensors, and the bytes of
// the constants. Names of tensors do not count.
std::uint64_t fingerprint(const Graph& graph);

// The same with the sparsity of each constant, rounded to tenths, in place of its bytes: equal for
// repeated blocks of a network. `sparsity` holds the fraction of zeros by tensor.
std::uint64_t structure_fingerprint(const Graph& graph, const std::vector<double>& sparsity);

}  // namespace tfsparse
