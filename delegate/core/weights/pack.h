// Weights in the order and the type in which the kernels read them.
#pragma once

#include <cstdint>
#include <vector>

#include "delegate/core/graph/status.h"
#include "delegate/core/plan/memory.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

// The nonzeros of a [rows][depth] matrix, row after row: the arguments of sparse_rows.
struct SparseRows {
  Buffer values;
  std::vector<std::int32_t> columns;   // of each
  std::vector<std::int32_t> row_nnz;   // nonzeros of each row
  std::vector<std::size_t> row_begin;  // their prefix sums, rows + 1 of them
};
SparseRows pack_rows(const std::vector<float>& dense, int rows, int depth, const Kernels& kernels);

// Rows of a matrix that have their nonzeros in the same columns, or nearly so.
struct RowBlocks {
  int block;                       // rows in each: 1, 2 or 4
  std::vector<std::int32_t> rows;  // block after block
};

// Sorts the rows into blocks of 4, of 2 and single ones, wherever they stand in the matrix: what
// pruning in blocks leaves, and what filters of a common pattern have. Each size at most once.
std::vector<RowBlocks> find_blocks(const std::vector<float>& dense, int rows, int depth);

// All rows in their order, whatever their nonzeros.
std::vector<RowBlocks> consecutive_blocks(int rows);

// What spmm reads: the nonzeros of some blocks of rows.
struct SparseBlocks {
  int block;
  std::vector<std::int32_t> rows;  // [blocks][block]
  std::vector<std::int32_t> nnz;   // taps of each block
  std::vector<std::size_t> begin;  // their prefix sums, blocks + 1 of them
  Buffer values;                   // [tap][block]
  std::vector<std::uint16_t> narrow_offsets;
  std::vector<std::int32_t> wide_offsets;  // where the narrow ones do not suffice

  int blocks() const { return static_cast<int>(nnz.size()); }
  // The arguments that say what the blocks [first, last) are.
  void describe(int first, int last, SpmmArgs* args) const;
};

// Fails where channels of `plane` elements each are too long for Tap::offset.
Status check_offsets(int channels, std::uint64_t plane);

// A column of a matrix and its offset in the input, in elements.
struct Tap {
  int column;
  std::int32_t offset;
};
// Takes the given columns, in their order. Offsets are at least 0.
SparseBlocks pack_blocks(const std::vector<float>& dense, int depth, const RowBlocks& blocks,
                         const std::vector<Tap>& taps, const Kernels& kernels);

}  // namespace tfsparse
