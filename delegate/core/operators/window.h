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

  void hash(Hasher* hasher) const {
    hasher->add(padding, stride_h, stride_w, dilation_h, dilation_w);
  }
};

}  // namespace tfsparse
