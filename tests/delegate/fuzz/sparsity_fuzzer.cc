// For any sparse constant, reading it gives values or an error, within the memory of its shape.
#include <cstdlib>

#include "delegate/core/graph/graph.h"
#include "tests/delegate/fuzz/bytes.h"

using namespace tfsparse;
using tfsparse::testing::Bytes;

namespace {

SparseLevel level(Bytes* bytes) {
  SparseLevel level;
  level.compressed = bytes->chance(128);
  level.dense_size = bytes->number(8);
  if (!level.compressed) return level;
  level.segments = bytes->numbers(bytes->below(10), 8);
  level.indices = bytes->numbers(bytes->below(16), 8);
  // Valid segments, to pass the first checks.
  if (bytes->chance(200) && !level.segments.empty()) {
    for (std::size_t i = 0; i < level.segments.size(); ++i) {
      level.segments[i] = static_cast<int>(level.indices.size() * i /
                                           std::max<std::size_t>(1, level.segments.size() - 1));
    }
  }
  return level;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  Tensor tensor;
  tensor.type = bytes.chance(128) ? DType::kFloat32 : DType::kFloat16;
  const int rank = bytes.below(5), blocks = bytes.below(3);
  tensor.shape = bytes.numbers(rank, 9);
  SparseEncoding encoding;
  encoding.block_map = bytes.numbers(blocks, std::max(1, rank));
  encoding.traversal_order = bytes.numbers(rank + blocks, rank + blocks + 1);
  if (bytes.chance(200)) {
    for (int i = 0; i < rank + blocks; ++i) encoding.traversal_order[i] = i;
  }
  for (int i = bytes.number(rank + blocks + 2); i > 0 && i < 8; --i) {
    encoding.levels.push_back(level(&bytes));
  }
  const std::int64_t elements = element_count(tensor.shape);
  if (elements > 1 << 20) return 0;  // valid, but slow to fill with zeros
  const std::size_t stored = static_cast<std::size_t>(bytes.below(64));
  const std::vector<char> memory(stored * (tensor.type == DType::kFloat32 ? 4 : 2), 1);
  tensor.data = memory.data();
  tensor.bytes = memory.size();
  tensor.sparsity = std::make_shared<SparseEncoding>(encoding);
  std::vector<float> values;
  const Status status = read_floats(tensor, &values);
  if (status.ok() && values.size() != static_cast<std::size_t>(elements)) std::abort();
  return 0;
}
