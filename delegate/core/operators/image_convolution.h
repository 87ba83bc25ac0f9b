// What CONV_2D and DEPTHWISE_CONV_2D have in common.
#pragma once

#include <memory>
#include <string>

#include "delegate/core/layout.h"
#include "delegate/core/operator.h"
#include "delegate/core/row_step.h"
#include "delegate/core/window.h"

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

  // A tensor between steps that are computed strip by strip has no value of its own: `x` and `y`
  // are the strips that stand for it there, or null.
  virtual Status make_step(PlanBuilder* builder, const Node& node, const Planes* x, const Planes* y,
                           std::unique_ptr<RowStep>* step) const = 0;
  // Whether the step reads the whole image before its first row.
  virtual bool reads_ahead(const Graph&, const Node&) const { return false; }

 protected:
  // Channels that weights make of an image; -1 where they do not fit.
  virtual int output_channels(const Shape& image, const Shape& weights) const = 0;

  // Why it is not supported, but for the channels.
  std::string unsupported_window(const SupportContext& context, const Node& node) const;
  // Where the step reads and writes, of the arguments of make_step.
  static RowInput input(PlanBuilder* builder, const Node& node, const Planes* x);
  static PaddedValue output(PlanBuilder* builder, const Node& node, const Planes* y);
};

}  // namespace tfsparse
