// The sliding window of a convolution or a pooling.
#pragma once

#include "delegate/core/graph/hasher.h"

namespace tfsparse {

enum class Padding { kSame, kValid };

struct Extent {
  int height, width;
};

struct Window {
  Padding padding = Padding::kValid;
  int stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int pad_top = 0, pad_left = 0;  // set by slide

  // Sets the padding by TFLite's rules and returns the output size.
  Extent slide(Extent image, Extent kernel);

  // Sets a kernel's arguments for the stride and the padding, and for the dilation.
  template <class Args>
  void describe(Args* args) const {
    args->stride_h = stride_h;
    args->stride_w = stride_w;
    args->pad_top = pad_top;
    args->pad_left = pad_left;
  }
  template <class Args>
  void describe_dilated(Args* args) const {
    describe(args);
    args->dilation_h = dilation_h;
    args->dilation_w = dilation_w;
  }

  void hash(Hasher* hasher) const {
    hasher->add(padding, stride_h, stride_w, dilation_h, dilation_w);
  }
};

}  // namespace tfsparse
