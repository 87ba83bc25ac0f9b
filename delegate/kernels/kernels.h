// The kernels: pure functions on pointers, one table of them for each instruction set.
//
// Terms. An *element* is a number in the type that a table's kernels compute with,
// Kernels::element_bytes long; pointers to void point to elements. A *plane* is a channel plane:
// one channel of one image, H * W elements, rows contiguous. A *run* is n consecutive pixels of a
// plane. An *offset* is the number of elements from the start of a run to the pixels of a tap:
// channel * plane stride for a 1x1 convolution, plus the tap's row and column for a k x k one. So
// one kernel serves every convolution.
//
// All pointers need only an element's alignment. But a 64-byte load that crosses a cache line
// costs two, so runs that begin at a cache line (plane strides that are multiples of 16 floats)
// make spmm up to 1.5 times as fast. A Padded pointer allows reads of up to kOverread elements past
// the end of a run, which never affect an output. Other pointers may point to the caller's memory:
// nothing past their end is read. No kernel writes past the end of an output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tfsparse {

// Elements that must be readable past the end of every run: one vector of the widest set.
constexpr int kOverread = 16;

// A pointer to elements followed by kOverread readable ones. Only elements of a Buffer convert to
// it implicitly. The caller's memory may end at an inaccessible page.
template <class T>
class Padded {
 public:
  Padded() = default;
  explicit Padded(T* first) : first_(first) {}
  operator T*() const { return first_; }

 private:
  T* first_ = nullptr;
};

// Bound of tap offsets in a convolution's input: arm64 loads two offsets at once.
constexpr std::uint64_t kMaxOffset = std::uint64_t{1} << 30;

enum class Activation {
  kNone,
  kHardSwish,
  kSigmoid,
  kSwish,
  kTanh,
  kElu,
  kLeakyRelu,
  kGelu,
  kGeluTanh,  // GELU as TFLite approximates it
};

// Applied to a result before storing it: the activation, then a clamp to [lo, hi]. The residual, if
// the kernel has one, is added before or after these.
struct Epilogue {
  Activation activation = Activation::kNone;
  float slope = 0;  // of kLeakyRelu, below 0
  float lo = -__builtin_huge_valf();
  float hi = __builtin_huge_valf();
  bool residual_first = false;
};

// Sparse weights times channel planes. Output channels are in blocks of 1, 2 or 4 with nonzeros at
// the same taps, so a pixel is loaded once per block. Dense weights are blocks with all taps.
//   y[r][p] = epilogue(bias[r] + sum over the taps i of r's block of w[i][r] * x[offsets[i] + p])
// for every channel r of every block and p in [0, n).
struct SpmmArgs {
  Padded<const void> x;
  Padded<void> y;        // read if accumulate is set
  std::size_t y_stride;  // elements between channels of y (and of residual)
  int n;                 // pixels of the run
  int block;             // output channels in a block: 1, 2 or 4
  int blocks;
  const std::int32_t* channels;  // [blocks][block], the rows of y, bias and residual
  const std::int32_t* nnz;       // taps per block
  const void* values;            // [tap][block], block by block, followed by one readable vector
  // By tap, in elements. The narrow ones are used unless null; only kernels with
  // Kernels::narrow_offsets read them. Two offsets of readable pixels follow.
  const std::uint16_t* narrow_offsets;
  const std::int32_t* wide_offsets;
  const void* bias;             // by channel, each Kernels::bias_copies times
  Padded<const void> residual;  // same layout as y, or null; may not alias y
  bool accumulate;  // start from y, not from bias: in all parts but the first of a split reduction
  bool finish;      // apply epilogue and residual: in the last part of a split reduction
  int tile;         // vectors of pixels held in registers, 1 to Kernels::max_tile[block]
  Epilogue epilogue;
};

// Depthwise convolution of `planes` channel planes of one shape. One call with many planes is
// cheaper than many calls.
struct DepthwiseArgs {
  Padded<const void> x;  // in_h * in_w per plane
  void* y;               // out_h * out_w per plane
  int planes;
  std::size_t x_stride, y_stride;  // between planes; x_stride 0: one input for all
  int in_h, in_w, out_h, out_w;
  int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int pad_top, pad_left;  // the other two follow from the sizes
  const void* weights;    // [planes][kernel_h * kernel_w]
  const float* bias;      // one per plane
  Epilogue epilogue;
  void* scratch;  // Kernels::depthwise_scratch(args) elements with any content
};

enum class Pooling { kAverage, kMax };

// y[p] = clamp(average or maximum of the pixels of p's window that are within the plane).
struct PoolArgs {
  Pooling op;
  const void* x;  // in_h * in_w per plane
  void* y;        // out_h * out_w per plane
  int planes;
  std::size_t x_stride, y_stride;  // elements between planes
  int in_h, in_w, out_h, out_w;
  int window_h, window_w, stride_h, stride_w;
  int pad_top, pad_left;  // every window must contain a pixel of the plane
  Epilogue epilogue;      // activation must be kNone
};

// Resizes channel planes. Output row r is input row rows[r], or with weights (1 - row_weights[r])
// times that plus row_weights[r] times the next row. The same applies to columns. A row or column
// of weight 0 may be outside the input.
struct ResizeArgs {
  const void* x;
  void* y;
  int planes;
  std::size_t x_stride, y_stride;
  int in_h, in_w, out_h, out_w;
  const std::int32_t* rows;     // out_h of them
  const std::int32_t* columns;  // out_w, ascending, and kOverread more readable ones
  const float* row_weights;     // both weights are null for nearest neighbor
  const float* column_weights;  // kOverread more are readable
  Epilogue epilogue;            // activation must be kNone
};

// Copies one plane into the middle of a zero border, its pixels sorted by their phase in the
// stride: the pixel in row r and column c of the bordered plane goes to
//   y[(r % stride_h) * row_phase_stride + r / stride_h * row_stride +
//     (c % stride_w) * column_phase_stride + c / stride_w].
// A strided convolution then reads consecutive elements, and its next row begins row_stride later.
struct PadArgs {
  const void* x;
  int in_h, in_w;
  std::ptrdiff_t x_pixel_stride;  // 1 for a channel plane, the number of channels for an HWC image
  std::ptrdiff_t x_row_stride;
  void* y;
  int out_h, out_w;  // the bordered size, before sorting by phase
  int pad_top, pad_left;
  int stride_h, stride_w;
  int phases_h, phases_w;  // phases to copy: r % stride_h < phases_h, columns likewise
  std::ptrdiff_t row_stride, row_phase_stride, column_phase_stride;  // of y
};

// Crops the rows that a convolution computes from such planes: y[r * width + c] = x[r *
// x_row_stride + c] + residual[r * width + c] for r in [0, rows) and c in [0, width).
struct CropArgs {
  const void* x;
  std::ptrdiff_t x_row_stride;
  void* y;
  const void* residual;  // or null
  int rows, width;
};

// CHW -> HWC: y[p * channels + c] = x[c * plane_stride + p], for each row of pixels. Rows begin
// x_row_stride and y_row_stride elements apart.
struct FromChwArgs {
  const void* x;
  void* y;
  int pixels, channels;  // per row
  std::size_t plane_stride;
  int rows = 1;
  std::ptrdiff_t x_row_stride = 0, y_row_stride = 0;
};

// Activation functions are kIdentity with an epilogue.
enum class Unary { kIdentity, kAbs, kNegate, kSquare, kSqrt, kRsqrt, kExp, kLog };
enum class Binary {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMax,
  kMin,
  kPrelu,  // b is the slope
  kSquaredDifference,
  kPower,
};

struct UnaryArgs {
  Unary op;
  const void* x;
  void* y;  // may alias x
  std::size_t n;
  Epilogue epilogue;
};

// y[i] = epilogue(a[i] op b[i]). A step of 0 repeats the operand's first value.
struct BinaryArgs {
  Binary op;
  const void* a;
  const void* b;
  int a_step, b_step;  // 0 or 1
  void* y;             // may alias a or b
  std::size_t n;
  Epilogue epilogue;
};

// Normalizes each of n pixels over its channels:
//   y[c][p] = (x[c][p] - mean) / sqrt(variance + epsilon) * gamma[c] + beta[c]
// with the mean and the variance of x[...][p]. Computed in float32.
struct LayerNormArgs {
  const void* x;
  void* y;  // may alias x
  int channels, n;
  std::size_t x_stride, y_stride;  // elements between channels
  const float *gamma, *beta;       // by channel
  float epsilon;
};

// Matrix times vector, as in a fully connected layer: y[r] = epilogue(bias[r] + dot(weights[r],
// x)).
struct RowsArgs {
  const void* x;
  void* y;
  int rows, depth;
  const void* weights;  // [rows][depth] elements, or float16 for half_rows
  const float* bias;
  Epilogue epilogue;
};

// Nonzeros of a row come in groups of so many. Zeros fill up the last group.
constexpr int kRowGroup = 8;

// The same with nonzeros only. Offsets are indices into x.
struct SparseRowsArgs {
  const void* x;
  void* y;
  int rows;
  const void* values;                   // row by row
  const std::uint16_t* narrow_offsets;  // of each value; used unless null
  const std::int32_t* wide_offsets;
  const std::int32_t* row_nnz;  // values of each row, a multiple of kRowGroup
  const float* bias;
  Epilogue epilogue;
};

// One register tile of XNNPACK's dense matrix product: y = clamp(x * weights) with
// Kernels::tile_rows rows and two vectors of columns.
struct RegisterTileArgs {
  const float* x;  // [tile_rows][depth]
  int depth;
  const float* weights;  // [1 + depth][columns], the bias first
  float* y;              // [tile_rows][columns]
};

struct Kernels {
  const char* name;  // "avx512", "avx2", "neon", "neon fp16", "portable"
  std::size_t element_bytes;
  int lanes;             // elements in a vector
  int max_tile[5];       // largest SpmmArgs::tile by SpmmArgs::block
  int usual_tile[5];     // the fastest tile for long runs
  int tile_bytes;        // limit of the input bytes per pass over sparse weights
  int whole_tile_bytes;  // inputs of up to so many bytes are not split to meet that limit
  int dense_tile_bytes;  // the same for dense weights, 0 if there is none
  bool narrow_offsets;   // whether spmm reads them
  int bias_copies;       // copies of each bias for spmm; above 1, it loads vectors of them

  // The register tile of XNNPACK's dense convolutions. Only timed: see assignment/speed.h.
  int tile_rows;
  void (*register_tile)(const RegisterTileArgs&);

  void (*spmm)(const SpmmArgs&);
  void (*depthwise)(const DepthwiseArgs&);
  std::size_t (*depthwise_scratch)(const DepthwiseArgs&);
  void (*pool)(const PoolArgs&);
  void (*resize)(const ResizeArgs&);
  void (*pad)(const PadArgs&);
  void (*crop)(const CropArgs&);
  void (*unary)(const UnaryArgs&);
  void (*binary)(const BinaryArgs&);
  void (*dense_rows)(const RowsArgs&);
  // With float16 weights, widened in registers, which halves the bytes from memory. Null if float32
  // weights are faster.
  void (*half_rows)(const RowsArgs&);
  void (*sparse_rows)(const SparseRowsArgs&);
  // These always sum in float32.
  float (*sum)(const void* x, std::size_t n);
  void (*accumulate)(const void* x, float* sums, std::size_t n);  // sums[i] += x[i]
  void (*softmax)(const void* x, void* y, int n, float beta);
  void (*layer_norm)(const LayerNormArgs&);
  void (*from_floats)(const float* x, void* y, std::size_t n);
  void (*to_floats)(const void* x, float* y, std::size_t n);
  // HWC image -> CHW: y[c * plane_stride + p] = x[p * channels + c].
  void (*to_chw)(const void* x, void* y, int pixels, int channels, std::size_t plane_stride);
  void (*from_chw)(const FromChwArgs&);
};

// The kernels of an instruction set, or null if this build or this CPU lacks them.
const Kernels* find_kernels(const char* name);

// The float16 kernels of the same instruction set, or null if this build or this CPU lacks them.
const Kernels* find_fp16_kernels(const Kernels& kernels);

// The kernels of all instruction sets of this build and CPU, fastest first.
std::vector<const Kernels*> supported_kernels();

// The fastest kernels for this CPU. The environment variable TFSPARSE_ISA selects a slower set for
// tests and measurements.
const Kernels& best_kernels();

}  // namespace tfsparse
