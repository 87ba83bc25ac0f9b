// Weights in the order in which the kernels read them.
#pragma once

#include <cstdint>
#include <vector>

namespace tfsparse {

// The nonzeros of a [rows][depth] matrix, row after row: the arguments of the sparse kernels.
struct SparseMatrix {
  std::vector<float> values;
  std::vector<std::int32_t> offsets;   // offset_of[column] of each
  std::vector<std::int32_t> row_nnz;   // nonzeros of each row
  std::vector<std::size_t> row_begin;  // their prefix sums, rows + 1 of them
};

// Takes the columns [begin, end) of `dense`.
SparseMatrix pack_sparse(const std::vector<float>& dense, int rows, int depth, int begin, int end,
                         const std::vector<std::int32_t>& offset_of);

// The layout of GemmArgs::weights: blocks of `block` rows, column by column, zeros behind the last
// row.
std::vector<float> pack_dense(const std::vector<float>& dense, int rows, int depth, int block);

}  // namespace tfsparse
