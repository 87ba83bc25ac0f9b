// Packs weights in the kernels' order and type.
#pragma once

#include <cstdint>
#include <vector>

#include "delegate/core/graph/status.h"
#include "delegate/core/plan/memory.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

// The nonzeros of a [rows][depth] matrix, row by row, in whole groups: arguments of sparse_rows.
struct SparseRows {
  Buffer values;
  std::vector<std::uint16_t> narrow_offsets;
  std::vector<std::int32_t> wide_offsets;  // if the narrow ones cannot be used
  std::vector<std::int32_t> row_nnz;       // values of each row
  std::vector<std::size_t> row_begin;      // prefix sums of row_nnz, rows + 1 of them

  // Sets the arguments for the rows [first, last).
  void describe(int first, int last, SparseRowsArgs* args) const;
};
SparseRows pack_rows(const std::vector<float>& dense, int rows, int depth, const Kernels& kernels);

// Rows of a matrix with (nearly) the same nonzero columns.
struct RowBlocks {
  int block;                       // rows per block: 1, 2 or 4
  std::vector<std::int32_t> rows;  // block by block
};

// Groups similar rows into blocks of 4, 2 and 1, wherever they are in the matrix. Pruning in blocks
// or by patterns makes such rows. Returns each block size at most once.
std::vector<RowBlocks> find_blocks(const std::vector<float>& dense, int rows, int depth);

// All rows in their order, regardless of their nonzeros.
std::vector<RowBlocks> consecutive_blocks(int rows);

// The nonzeros of some blocks of rows: arguments of spmm.
struct SparseBlocks {
  int block;
  std::vector<std::int32_t> rows;  // [blocks][block]
  std::vector<std::int32_t> nnz;   // taps per block
  std::vector<std::size_t> begin;  // prefix sums of nnz, blocks + 1 of them
  Buffer values;                   // [tap][block]
  std::vector<std::uint16_t> narrow_offsets;
  std::vector<std::int32_t> wide_offsets;  // if the narrow ones cannot be used

  int blocks() const { return static_cast<int>(nnz.size()); }
  // Sets the arguments for the blocks [first, last).
  void describe(int first, int last, SpmmArgs* args) const;
};

// Fails if the offsets in so many planes of this size exceed kMaxOffset.
Status check_offsets(int planes, std::uint64_t plane);

// A column of a matrix and its offset in the input, in elements.
struct Tap {
  int column;
  std::int32_t offset;
};
// Packs the given columns in their order. Offsets must not be negative.
SparseBlocks pack_blocks(const std::vector<float>& dense, int depth, const RowBlocks& blocks,
                         const std::vector<Tap>& taps, const Kernels& kernels);

}  // namespace tfsparse
