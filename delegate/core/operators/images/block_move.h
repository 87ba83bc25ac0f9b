// SPACE_TO_DEPTH and DEPTH_TO_SPACE. A block of pixels becomes one pixel with more channels, row
// after row.
#pragma once

#include <string>

#include "delegate/core/operators/shapes/move.h"

namespace tfsparse {

class BlockMove : public Move {
 public:
  explicit BlockMove(int block_size) : block_size_(block_size) {}

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  void hash(Hasher* hasher) const override;

 protected:
  Status refuse(const Shape& x) const;
  // Adds the step that moves pixels into blocks, or out of them.
  void add_step(PlanBuilder* builder, const Node& node, const char* kernel, bool to_blocks) const;

  int block_size_;
};

class SpaceToDepth : public DefineOperator<SpaceToDepth, BlockMove> {
 public:
  using DefineOperator::DefineOperator;
  Status infer(ShapeContext* context, const Node& node) override;
  Status build(PlanBuilder* builder, const Node& node) const override;
};

class DepthToSpace : public DefineOperator<DepthToSpace, BlockMove> {
 public:
  using DefineOperator::DefineOperator;
  Status infer(ShapeContext* context, const Node& node) override;
  Status build(PlanBuilder* builder, const Node& node) const override;
};

}  // namespace tfsparse
