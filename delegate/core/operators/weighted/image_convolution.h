// The base of CONV_2D and DEPTHWISE_CONV_2D.
#pragma once

#include <memory>
#include <string>

#include "delegate/core/graph/operator.h"
#include "delegate/core/operators/window.h"
#include "delegate/core/plan/layout.h"
#include "delegate/core/plan/row_step.h"

namespace tfsparse {

// Slides a window of weights over an image. Its step can compute the output some rows at a time.
class ImageConvolution : public Operator {
 public:
  Window window;
  Epilogue epilogue;

  bool is(OperatorKind kind) const override { return kind == kind_of<ImageConvolution>(); }
  Status infer(ShapeContext* context, const Node& node) override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  void hash(Hasher* hasher) const override;
  bool computes_in(DType type) const override;
  bool has_weights() const override { return true; }
  Epilogue* foldable_epilogue() override { return &epilogue; }

  // In row tiling, `x` or `y` is the layout of a tile between two steps. It is null for a tensor
  // with a value of its own.
  virtual Status make_step(PlanBuilder* builder, const Node& node, const ChwLayout* x,
                           const ChwLayout* y, std::unique_ptr<RowStep>* step) const = 0;
  // Whether the step reads the whole image before its first output row.
  virtual bool reads_ahead(const Graph&, const Node&) const { return false; }

 protected:
  // The number of output channels, or -1 if the weights do not fit the image.
  virtual int output_channels(const Shape& image, const Shape& weights) const = 0;

  // Checks all but the channels. Returns a reason, or an empty string.
  std::string unsupported_window(const SupportContext& context, const Node& node) const;
  // The step's input and output. `x` and `y` are those of make_step.
  static RowInput input(PlanBuilder* builder, const Node& node, const ChwLayout* x);
  static PaddedValue output(PlanBuilder* builder, const Node& node, const ChwLayout* y);
};

}  // namespace tfsparse
