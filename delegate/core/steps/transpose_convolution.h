// The step of TRANSPOSE_CONV and its split into convolutions of stride 1.
#pragma once

#include <algorithm>
#include <memory>

#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/window.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// One axis. Output i * stride + phase is the sum over the phase's taps k of weight[k] *
// bordered_input[i + offset(phase, k)]. These taps are every stride-th one up to last_tap(phase).
struct TransposeAxis {
  int size, kernel, stride, pad;
  int border = 0;    // zeros before the input
  int bordered = 0;  // length of the bordered input

  TransposeAxis(int size, int kernel, int stride, int pad)
      : size(size), kernel(kernel), stride(stride), pad(pad) {
    // The last tap has the lowest offset, the first tap the highest.
    for (int phase = 0; phase < stride; ++phase) {
      border = std::max(border, taps(phase) - 1 - own_offset(phase));
    }
    for (int phase = 0; phase < stride; ++phase) {
      bordered = std::max(bordered, outputs(phase) + own_offset(phase) + border);
    }
  }

  // The number of phases that have an output, and that of a tap.
  int phases() const { return std::min(stride, size); }
  int phase_of(int tap) const { return (tap + stride - pad % stride) % stride; }
  // The number of outputs of a phase. Phase 0 has the most.
  int outputs(int phase) const { return phase < size ? (size - phase - 1) / stride + 1 : 0; }
  // The number of taps of a phase, which may be 0, and the last of them.
  int taps(int phase) const {
    const int first = first_tap(phase);
    return first < kernel ? (kernel - 1 - first) / stride + 1 : 0;
  }
  int last_tap(int phase) const { return first_tap(phase) + (taps(phase) - 1) * stride; }
  int offset(int phase, int tap) const {
    return own_offset(phase) - (tap - first_tap(phase)) / stride + border;
  }
  // One above the largest offset, which is that of a first tap.
  int reach() const {
    int reach = 1;
    for (int phase = 0; phase < phases(); ++phase) {
      if (taps(phase) > 0) reach = std::max(reach, own_offset(phase) + border + 1);
    }
    return reach;
  }

 private:
  int first_tap(int phase) const { return (phase + pad) % stride; }
  int own_offset(int phase) const { return (phase + pad) / stride; }
};

struct TransposeWindow {
  TransposeAxis rows, columns;
};

// Needs the window's padding.
TransposeWindow transpose_window(const Window& window, const Shape& weights, const Shape& y);

// Elements of the bordered copy of one image.
std::uint64_t bordered_elements(const TransposeWindow& window, const Shape& weights);

// `node` is a TransposeConvolution. `border` is the value for the bordered copy.
Status make_transpose_convolution(const Graph& graph, const Node& node, Value x, PaddedValue border,
                                  Value y, const Kernels& kernels, std::unique_ptr<Step>* step);

}  // namespace tfsparse
