// The step of TRANSPOSE_CONV, and how it is split into convolutions of stride 1.
#pragma once

#include <algorithm>
#include <memory>

#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/window.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// One axis. Output i * stride + phase is the sum over the taps k of its phase, every stride-th up
// to last_tap(phase), of the weight k times the bordered input i + offset(phase, k).
struct TransposeAxis {
  int size, kernel, stride, pad;
  int border = 0;    // zeros before the input
  int bordered = 0;  // length of the bordered input, as far as the taps reach

  TransposeAxis(int size, int kernel, int stride, int pad)
      : size(size), kernel(kernel), stride(stride), pad(pad) {
    // The last tap reads the furthest before an output's own offset, the first tap the furthest on.
    for (int phase = 0; phase < stride; ++phase) {
      border = std::max(border, taps(phase) - 1 - own_offset(phase));
    }
    for (int phase = 0; phase < stride; ++phase) {
      bordered = std::max(bordered, outputs(phase) + own_offset(phase) + border);
    }
  }

  // How many outputs a phase has; the first has the most.
  int outputs(int phase) const { return phase < size ? (size - phase - 1) / stride + 1 : 0; }
  // How many taps a phase has, maybe none, and the last of them.
  int taps(int phase) const {
    const int first = first_tap(phase);
    return first < kernel ? (kernel - 1 - first) / stride + 1 : 0;
  }
  int last_tap(int phase) const { return first_tap(phase) + (taps(phase) - 1) * stride; }
  int offset(int phase, int tap) const {
    return own_offset(phase) - (tap - first_tap(phase)) / stride + border;
  }

 private:
  int first_tap(int phase) const { return (phase + pad) % stride; }
  int own_offset(int phase) const { return (phase + pad) / stride; }
};

struct TransposeWindow {
  TransposeAxis rows, columns;
};

// Of a TRANSPOSE_CONV whose padding is known.
TransposeWindow transpose_window(const Window& window, const Shape& weights, const Shape& y);

// Elements of the bordered copy of one image, of which a step needs a value.
std::uint64_t bordered_elements(const TransposeWindow& window, const Shape& weights);

// `node` is a TransposeConvolution. The values: the image, the bordered copy, the output.
Status make_transpose_convolution(const Graph& graph, const Node& node, Value x, PaddedValue border,
                                  Value y, const Kernels& kernels, std::unique_ptr<Step>* step);

}  // namespace tfsparse
