// The int8 kernels: pure functions on pointers, one table of them for each instruction set.
//
// Words used throughout. A *code* is an activation as TFLite stores it, -128 to 127, which stands
// for (code - zero point) * scale. Inside, a code is kept as the byte code ^ Kernels::flip: as it
// is, or plus 128 where instructions want unsigned activations. A *quad* is four bytes: the codes
// of four neighbouring channels at one pixel, or the weights of four neighbouring input channels,
// as dot-product instructions want them. A *quad plane* is the quads of one image's H * W pixels,
// rows contiguous; C channels are ceil(C / 4) of them, and the bytes of channels beyond the last
// have any value, since their weights are 0. A *run* is n consecutive pixels of a plane. An
// *offset* is a number of bytes from the start of a run to the quads that a quad of weights is
// multiplied by, so that one kernel serves every convolution.
//
// What is read through a Padded pointer may be read up to kOverread bytes past the end of a run
// (their values never reach an output). All else is read exactly. No kernel writes past the end of
// an output.
//
// Every table computes the same, to the bit: sums in int32, then
//   code = clamp(round(float(sum) * multiplier) + zero point)
// in float32, rounding to the nearest and halves to even, as XNNPACK does. The tables of arm64 have
// an instruction that multiplies by integers: where Kernels::fixed_point is set, products of
// weights become
//   code = clamp(((sum * M + 2^30) >> 31) + zero point), M = int(multiplier * 2^31).
// TFLite's reference kernels multiply by a 31-bit integer and shift, and differ by one code at
// most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/kernels/kernels.h"

namespace tfsparse {
namespace int8 {

// Bytes that must be readable past the end of every run: one vector of the widest set.
constexpr int kOverread = 64;

constexpr int kQuad = 4;  // channels, and bytes

// How many quads hold so many channels.
constexpr int quads_of(int channels) { return (channels + kQuad - 1) / kQuad; }

// What a kernel does to a scaled sum, and how codes are to be clamped. -128 <= lo <= hi <= 127.
struct Output {
  int zero_point = 0;
  int lo = -128;
  int hi = 127;
};

// a + b of two tensors of different scales; a negative multiplier subtracts:
//   clamp(((a - zero_a) * multiplier_a + (b - zero_b) * multiplier_b + 2^(shift - 1)) >> shift)
// Make it with add_of(), see pack.h.
struct Add {
  int zero_a = 0, zero_b = 0;
  std::int16_t multiplier_a = 0, multiplier_b = 0;
  int shift = 1;  // to 15
  Output output;
};

// Sparse weights times quad planes. Every output channel has nonzero quads of its own; dense
// weights have all of them:
//   y[c][p] = code(bias[c] + sum over the quads i of c of dot(weights[i], x[offsets[i] + 4 * p]))
// for the four channels c of every output quad and p in [0, n).
struct SpmmArgs {
  Padded<const std::int8_t> x;
  std::int8_t* y;
  std::size_t y_stride;         // bytes between quad planes of y (and of residual)
  int n;                        // pixels of the run
  int quads;                    // of output channels
  const std::int32_t* counts;   // [quads][4], how many quads of weights a channel has
  const std::int8_t* weights;   // [count][4] channel after channel; kOverread follow
  const std::int32_t* offsets;  // of each quad of weights; kOverread bytes follow
  const std::int32_t* bias;     // [quads][4][Kernels::bias_copies], see packed_bias() in pack.h
  const float* multipliers;     // [quads][4]
  Output output;
  bool short_sums;              // see pack_bias() in pack.h
  const std::int8_t* residual;  // laid out as y and added to it by `add`, or null
  Add add;                      // with a the code of the sum and b the residual's
  int tile;                     // vectors of pixels held in registers, 1 to Kernels::max_tile
};

// The longest side of a depthwise kernel.
constexpr int kMaxDepthwiseKernel = 32;

// Depthwise convolution of quad planes of one shape. What lies beyond the edges is the code
// input_zero_point.
struct DepthwiseArgs {
  Padded<const std::int8_t> x;  // in_h * in_w quads a plane
  std::int8_t* y;               // out_h * out_w quads a plane
  int quads;
  std::size_t x_stride, y_stride;  // bytes between planes
  int in_h, in_w, out_h, out_w;
  int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int pad_top, pad_left;       // what lies beyond the other two edges follows from the sizes
  const std::int8_t* weights;  // see PackedDepthwise
  const std::int32_t* bias;    // [quads][4]
  const float* multipliers;    // [quads][4]
  int input_zero_point;
  Output output;
  bool short_sums;       // see pack_bias() in pack.h
  std::int8_t* scratch;  // Kernels::depthwise_scratch(args) bytes of the caller's, any content
};

// y[p] = clamp(average or maximum of the codes of p's window that are within the plane), of quad
// planes. An average is rounded to the nearest, halves to even; TFLite's reference kernel rounds
// halves away from zero.
struct PoolArgs {
  Pooling op;
  Padded<const std::int8_t> x;  // in_h * in_w quads a plane
  std::int8_t* y;               // out_h * out_w quads a plane
  int quads;
  std::size_t x_stride, y_stride;  // bytes between planes
  int in_h, in_w, out_h, out_w;
  int window_h, window_w, stride_h, stride_w;
  int pad_top, pad_left;  // every window must contain a pixel of the plane
  Output output;          // its zero point is not used: codes keep theirs
};

// Weights of resizing are fractions of this, as TFLite has them.
constexpr int kResizeOne = 1 << 10;

// Resizes quad planes. Output row r is input row rows[r], or, with weights,
//   kResizeOne - row_weights[r] times that plus row_weights[r] times the next row.
// The same applies to columns. The next of the last row is that row. The weighted sum of four codes
// is divided by kResizeOne^2 and rounded to the nearest, halves away from zero, as in TFLite's
// reference kernel.
struct ResizeArgs {
  const std::int8_t* x;  // in_h * in_w quads a plane
  std::int8_t* y;        // out_h * out_w quads a plane
  int quads;
  std::size_t x_stride, y_stride;  // bytes between planes
  int in_h, in_w, out_h, out_w;
  const std::int32_t* rows;     // out_h of them
  const std::int32_t* columns;  // out_w
  // 0 to kResizeOne; both are null for nearest neighbor.
  const std::int32_t* row_weights;
  const std::int32_t* column_weights;
};

// Copies quad planes into the middle of a border, their pixels sorted by their place in the stride:
// the pixel in row r and column c of a bordered plane goes to
//   y[(r % stride_h) * row_phase_stride + r / stride_h * row_stride +
//     (c % stride_w) * column_phase_stride + c / stride_w * 4].
// A strided convolution then reads consecutive quads.
struct PadArgs {
  const std::int8_t* x;
  std::int8_t* y;
  int quads;
  std::size_t x_stride, y_stride;  // bytes between planes
  int in_h, in_w;
  int out_h, out_w;  // the bordered size, before sorting
  int pad_top, pad_left;
  int stride_h, stride_w;
  int phases_h, phases_w;  // only pixels with r % stride_h below phases_h are copied; so c
  std::ptrdiff_t row_stride, row_phase_stride, column_phase_stride;  // of y, in bytes
  int border;                                                        // the code
};

// An HWC image of codes as TFLite has it, and its quad planes: one is copied to the other.
struct ImageArgs {
  const std::int8_t* x;
  std::int8_t* y;
  int pixels, channels;
  std::size_t plane_stride;  // bytes between quad planes
};

// y[i] = a[i] + b[i]
struct AddArgs {
  const std::int8_t* a;
  const std::int8_t* b;
  std::int8_t* y;  // may be a or b
  std::size_t quads;
  Add add;
  bool b_is_one_quad = false;  // which is added to every quad of a
};

// a * b of two tensors of any scales:
//   clamp(round(float((a - zero_a) * (b - zero_b)) * multiplier) + zero point)
// Make it with multiply_of(), see pack.h.
struct Multiply {
  int zero_a, zero_b;
  float multiplier;
  Output output;
};

// y[i] = a[i] * b[i]
struct MultiplyArgs {
  const std::int8_t* a;
  const std::int8_t* b;
  std::int8_t* y;  // may be a or b
  std::size_t quads;
  Multiply multiply;
  bool b_is_one_quad = false;  // by which every quad of a is multiplied
};

// PRELU of quad planes: a factor for what is above 0 and one for each channel below.
//   y = clamp(round(float(x - zero) * (x < zero ? below[c] : above)) + zero point)
// The factors are input scale / output scale, and that times the slope.
struct PreluArgs {
  const std::int8_t* x;
  std::int8_t* y;  // may be x
  int quads, pixels;
  std::size_t x_stride, y_stride;  // bytes between planes
  int zero;                        // of x
  float above;
  const float* below;  // [quads][4]
  Output output;
};

// Floats to codes as TFLite has them, not flipped:
//   y[i] = clamp(round(x[i] * inverse_scale) + zero_point, -128, 127)
// rounding as everywhere here. NaN becomes the zero point, as with XNNPACK on arm64, and infinities
// become the smallest and the largest code.
struct QuantizeArgs {
  const float* x;
  std::int8_t* y;
  std::size_t n;
  float inverse_scale;
  int zero_point;
};

// y[i] = float(x[i] - zero_point) * scale, of codes as TFLite has them.
struct DequantizeArgs {
  const std::int8_t* x;
  float* y;
  std::size_t n;
  float scale;
  int zero_point;
};

// y[c] = code(bias + the sum of the pixels of x), one quad for each quad plane. For the mean the
// bias is -n * (zero point + Kernels::flip), and the multiplier has 1 / n in it.
struct MeanArgs {
  const std::int8_t* x;
  std::int8_t* y;
  int quads;
  std::size_t x_stride, y_stride;  // bytes between planes
  int n;                           // pixels
  std::int32_t bias;
  float multiplier;
  Output output;
};

// Matrix times vector, the fully connected layer. Output channels come in groups of four vectors
// that have their quads of weights in the same places.
struct RowsArgs {
  const std::int8_t* x;  // quads
  std::int8_t* y;
  int outputs;
  const std::int32_t* counts;   // of each group, how many quads of every output
  const std::int32_t* offsets;  // of each quad in x, in bytes
  const std::int8_t* weights;   // see PackedRows
  const std::int32_t* bias;     // of each output, in the order of the weights
  const float* multipliers;     // likewise
  Output output;
};

// y[i] = table[x[i]], for functions of one code. The table is indexed by what a byte is as
// unsigned.
struct LookupArgs {
  const std::int8_t* x;
  std::int8_t* y;  // may be x
  std::size_t n;
  const std::int8_t* table;  // 256
};

struct Kernels {
  const char* name;    // "avx512 vnni", "avx vnni", "avx2", "neon dot", "neon", "portable"
  std::uint8_t flip;   // 0 or 128, see above
  bool fixed_point;    // how sums become codes, see above
  bool flips_weights;  // whether a negative weight w times x is computed as -w times -1 - x
  int lanes;           // quads in a vector
  int max_tile;        // largest SpmmArgs::tile
  int tile_bytes;      // of input that one pass over sparse weights had better not exceed
  int bias_copies;     // of each channel's bias, which spmm reads as vectors where above 1

  void (*spmm)(const SpmmArgs&);
  void (*depthwise)(const DepthwiseArgs&);
  std::size_t (*depthwise_scratch)(const DepthwiseArgs&);
  void (*pool)(const PoolArgs&);
  void (*resize)(const ResizeArgs&);
  void (*pad)(const PadArgs&);
  void (*to_quads)(const ImageArgs&);
  void (*from_quads)(const ImageArgs&);
  void (*add)(const AddArgs&);
  void (*multiply)(const MultiplyArgs&);
  void (*prelu)(const PreluArgs&);
  void (*quantize)(const QuantizeArgs&);
  void (*dequantize)(const DequantizeArgs&);
  void (*mean)(const MeanArgs&);
  void (*rows)(const RowsArgs&);
  void (*lookup)(const LookupArgs&);
};

// The kernels of one instruction set, or null where this build or this CPU has none.
const Kernels* find_kernels(const char* name);

// Those of every instruction set of this build that this CPU has, fastest first.
std::vector<const Kernels*> supported_kernels();

// The fastest of them whose instruction set goes with that of the float kernels: no wider vectors,
// and dot products where the CPU has them. The environment variable TFSPARSE_ISA names a slower
// set, for tests and measurements.
const Kernels& kernels_beside(const tfsparse::Kernels& floats);

}  // namespace int8
}  // namespace tfsparse
