// What CONV_2D and DEPTHWISE_CONV_2D have in common.
#pragma once

#include <memory>
#include <string>

#include "delegate/core/graph/operator.h"
#include "delegate/core/operators/window.h"
#include "delegate/core/plan/layout.h"
#include "delegate/core/plan/row_step.h"

namespace tfsparse {

// Slides a window of weights over an image; its step can compute some rows of the output at a time.
class ImageConvolution : public Operator {
 public:
  Window window;
  Epilogue epilogue;

  bool is(OperatorKind kind) const override { return kind == kind_of<ImageConvolution>(); }
  Status infer(ShapeContext* context, const Node& node) override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  void hash(Hasher* hasher) const override;
  bool has_weights() const override { return true; }
  Epilogue* foldable_epilogue() override { return &epilogue; }

  // A tensor between steps of one row tiling has no value of its own: `x` and `y` are the tiles
  // that stand for it there, or null.
  virtual Status make_step(PlanBuilder* builder, const Node& node, const ChwLayout* x,
                           const ChwLayout* y, std::unique_ptr<RowStep>* step) const = 0;
  // Whether the step reads the whole image before its first row.
  virtual bool reads_ahead(const Graph&, const Node&) const { return false; }

 protected:
  // Channels that weights make of an image; -1 where they do not fit.
  virtual int output_channels(const Shape& image, const Shape& weights) const = 0;

  // Why it is not supported, but for the channels.
  std::string unsupported_window(const SupportContext& context, const Node& node) const;
  // Where the step reads and writes, of the arguments of make_step.
  static RowInput input(PlanBuilder* builder, const Node& node, const ChwLayout* x);
  static PaddedValue output(PlanBuilder* builder, const Node& node, const ChwLayout* y);
};

}  // namespace tfsparse
