#include "delegate/core/operators/images/block_move.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

// SPACE_TO_DEPTH and DEPTH_TO_SPACE.
struct BlockParams {
  int block_size;
};

template <class T>
Status read_block_move(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  BlockParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  if (params.block_size < 1 || params.block_size > kLongest) {
    return Status::error("block size is invalid");
  }
  node->op = T(params.block_size);
  return {};
}

}  // namespace

OperatorReaders block_move_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinSpaceToDepth, "SPACE_TO_DEPTH", read_block_move<SpaceToDepth>},
      {kTfLiteBuiltinDepthToSpace, "DEPTH_TO_SPACE", read_block_move<DepthToSpace>},
  };
  return kReaders;
}

}  // namespace tfsparse
