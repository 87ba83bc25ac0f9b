#include "delegate/core/pack.h"

namespace tfsparse {

SparseMatrix pack_sparse(const std::vector<float>& dense, int rows, int depth, int begin, int end,
                         const std::vector<std::int32_t>& offset_of) {
  SparseMatrix packed;
  packed.row_begin.push_back(0);
  for (int row = 0; row < rows; ++row) {
    for (int column = begin; column < end; ++column) {
      const float value = dense[static_cast<std::size_t>(row) * depth + column];
      if (value == 0.0f) continue;
      packed.values.push_back(value);
      packed.offsets.push_back(offset_of[column]);
    }
    packed.row_nnz.push_back(
        static_cast<std::int32_t>(packed.values.size() - packed.row_begin.back()));
    packed.row_begin.push_back(packed.values.size());
  }
  return packed;
}

std::vector<float> pack_dense(const std::vector<float>& dense, int rows, int depth, int block) {
  const int blocks = (rows + block - 1) / block;
  std::vector<float> packed(static_cast<std::size_t>(blocks) * block * depth, 0.0f);
  for (int row = 0; row < rows; ++row) {
    float* to = packed.data() + static_cast<std::size_t>(row / block) * block * depth + row % block;
    const float* from = dense.data() + static_cast<std::size_t>(row) * depth;
    for (int column = 0; column < depth; ++column) to[column * block] = from[column];
  }
  return packed;
}

}  // namespace tfsparse
