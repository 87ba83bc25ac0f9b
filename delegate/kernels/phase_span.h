// The columns of a bordered row, sorted by column phase.
#pragma once

#include "delegate/kernels/simd.h"

namespace tfsparse {
namespace {

// The source of one phase's columns: border in [0, begin), every stride_w-th pixel of the input row
// from `column` on in [begin, end), border in [end, count).
struct PhaseSpan {
  int count, begin, end, column;

  // Bordered column phase + i * stride_w is input column phase + i * stride_w - pad_left.
  PhaseSpan(int phase, int bordered_w, int stride_w, int in_w, int pad_left) {
    const int first = larger(0, pad_left - phase), past = larger(0, pad_left + in_w - phase);
    count = ceil_div(larger(0, bordered_w - phase), stride_w);
    begin = smaller(count, ceil_div(first, stride_w));
    end = larger(begin, smaller(count, ceil_div(past, stride_w)));
    column = phase + begin * stride_w - pad_left;
  }
};

}  // namespace
}  // namespace tfsparse
