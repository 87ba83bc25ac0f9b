// The kernels: pure functions on pointers, one table of them for each instruction set.
//
// Words used throughout. An *element* is a number as a table's kernels compute with it,
// Kernels::element_bytes long: what lies under a pointer to void. A *plane* is one channel of one
// image, H * W elements, rows contiguous. A *run* is n consecutive pixels of a plane. An *offset*
// is a number of elements from the start of a run to the pixels of one tap: channel * plane stride
// for a 1x1 convolution, and that plus the tap's row and column for a k x k one. So one kernel
// serves every convolution.
//
// All pointers need only the alignment of an element; but a 64-byte load that crosses a cache line
// costs two, so runs that begin at a cache line (planes a multiple of 16 floats apart) make spmm up
// to 1.5 times as fast. What is read through a Padded pointer may be read up to kOverread elements
// past the end of a run (their values never reach an output). All else is read exactly, and may be
// the caller's memory. No kernel writes past the end of an output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tfsparse {

// Elements that must be readable past the end of every run: one vector of the widest set.
constexpr int kOverread = 16;

// A pointer to elements with kOverread more behind the last that can be read. Nothing converts to
// it implicitly but the elements of a buffer that was allocated with them: the caller's memory ends
// with its last element, maybe at a page without access.
template <class T>
class Padded {
 public:
  Padded() = default;
  explicit Padded(T* first) : first_(first) {}
  operator T*() const { return first_; }

 private:
  T* first_ = nullptr;
};

// Offsets of taps in the input of a convolution are less than this: arm64 reads two at once.
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

// What a kernel does to a result before storing it: activation, then clamp to [lo, hi], and, before
// or after that, `+ residual` where the kernel's arguments have one.
struct Epilogue {
  Activation activation = Activation::kNone;
  float slope = 0;  // of kLeakyRelu, below 0
  float lo = -__builtin_huge_valf();
  float hi = __builtin_huge_valf();
  bool residual_first = false;
};

// Sparse weights times planes. Output channels come in blocks of 1, 2 or 4 that have their nonzeros
// at the same taps, so that each pixel is loaded once for all of a block; dense weights are blocks
// with all taps:
//   y[r][p] = epilogue(bias[r] + sum over the taps i of r's block of w[i][r] * x[offsets[i] + p])
// for every channel r of every block and p in [0, n).
struct SpmmArgs {
  Padded<const void> x;
  Padded<void> y;        // read where it is accumulated to
  std::size_t y_stride;  // elements between channels of y (and of residual)
  int n;                 // pixels of the run
  int block;             // output channels in a block: 1, 2 or 4
  int blocks;
  const std::int32_t* channels;  // [blocks][block], which rows of y, bias and residual these are
  const std::int32_t* nnz;       // taps of each block
  const void* values;  // [tap][block], block after block; a vector behind them can be read
  // Of each tap, in elements: the narrow ones unless they are null, which only kernels with
  // Kernels::narrow_offsets read. Two more follow, of any pixels that can be read.
  const std::uint16_t* narrow_offsets;
  const std::int32_t* wide_offsets;
  const void* bias;             // of each channel, every one Kernels::bias_copies times
  Padded<const void> residual;  // laid out as y, or null; may not alias y
  bool accumulate;              // start from y instead of bias: a later part of a split reduction
  bool finish;                  // apply epilogue and residual: the last part of a split reduction
  int tile;  // vectors of pixels held in registers, 1 to Kernels::max_tile[block]
  Epilogue epilogue;
};

// Depthwise convolution of `planes` planes of one shape; many in one call cost less than many
// calls.
struct DepthwiseArgs {
  Padded<const void> x;  // in_h * in_w a plane
  void* y;               // out_h * out_w a plane
  int planes;
  std::size_t x_stride, y_stride;  // elements between planes; 0 for one x that all are made from
  int in_h, in_w, out_h, out_w;
  int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int pad_top, pad_left;  // what lies beyond the other two edges follows from the sizes
  const void* weights;    // [planes][kernel_h * kernel_w]
  const float* bias;      // one a plane
  Epilogue epilogue;
  void* scratch;  // Kernels::depthwise_scratch(args) elements of the caller's, any content
};

enum class Pooling { kAverage, kMax };

// y[p] = clamp(the average or the largest of the pixels that p's window has within the plane).
struct PoolArgs {
  Pooling op;
  const void* x;  // in_h * in_w a plane
  void* y;        // out_h * out_w a plane
  int planes;
  std::size_t x_stride, y_stride;  // elements between planes
  int in_h, in_w, out_h, out_w;
  int window_h, window_w, stride_h, stride_w;
  int pad_top, pad_left;  // every window has at least one pixel within the plane
  Epilogue epilogue;      // activation is kNone
};

// Resizes planes. Row r of the output comes from input row rows[r], or with weights from that,
// weighing 1 - row_weights[r], and the one below it; columns alike. An input row or column of
// weight 0 may lie outside.
struct ResizeArgs {
  const void* x;
  void* y;
  int planes;
  std::size_t x_stride, y_stride;
  int in_h, in_w, out_h, out_w;
  const std::int32_t* rows;     // out_h of them
  const std::int32_t* columns;  // out_w, ascending, and kOverread more to read
  const float* row_weights;     // null both for the nearest pixel instead of an average
  const float* column_weights;  // kOverread more to read
  Epilogue epilogue;            // activation is kNone
};

// Copies one plane into the middle of a zero border, its pixels sorted by their phase in the
// stride: the pixel in row r and column c of the bordered plane goes to
//   y[(r % stride_h) * row_phase_stride + r / stride_h * row_stride +
//     (c % stride_w) * column_phase_stride + c / stride_w].
// A strided convolution then reads consecutive elements, and its next row begins row_stride later.
struct PadArgs {
  const void* x;
  int in_h, in_w;
  std::ptrdiff_t x_pixel_stride;  // 1 for a plane, the number of channels for an HWC image
  std::ptrdiff_t x_row_stride;
  void* y;
  int out_h, out_w;  // the bordered size, before sorting
  int pad_top, pad_left;
  int stride_h, stride_w;
  int phases_h, phases_w;  // only pixels with r % stride_h below phases_h are copied; so c
  std::ptrdiff_t row_stride, row_phase_stride, column_phase_stride;  // of y
};

// The reverse, for what a convolution makes of such a plane's rows: y[r * width + c] =
// x[r * x_row_stride + c] + residual[r * width + c] for r in [0, rows) and c in [0, width).
struct CropArgs {
  const void* x;
  std::ptrdiff_t x_row_stride;
  void* y;
  const void* residual;  // or null
  int rows, width;
};

// CHW -> HWC image: y[p * channels + c] = x[c * plane_stride + p]. Likewise of the other rows of
// pixels, which begin x_row_stride and y_row_stride elements after one another.
struct FromChwArgs {
  const void* x;
  void* y;
  int pixels, channels;  // of a row
  std::size_t plane_stride;
  int rows = 1;
  std::ptrdiff_t x_row_stride = 0, y_row_stride = 0;
};

// Activation functions are kIdentity with an epilogue.
enum class Unary { kIdentity, kAbs, kNegate, kSquare, kSqrt, kRsqrt, kExp };
enum class Binary { kAdd, kSub, kMul, kDiv, kMax, kMin, kPrelu };  // kPrelu: b is the slope

struct UnaryArgs {
  Unary op;
  const void* x;
  void* y;  // may be x
  std::size_t n;
  Epilogue epilogue;
};

// y[i] = epilogue(a[i] op b[i]); a step of 0 repeats the operand's one value.
struct BinaryArgs {
  Binary op;
  const void* a;
  const void* b;
  int a_step, b_step;  // 0 or 1
  void* y;             // may be a or b
  std::size_t n;
  Epilogue epilogue;
};

// Matrix times vector, the fully connected layer: y[r] = epilogue(bias[r] + dot(weights[r], x)).
struct RowsArgs {
  const void* x;
  void* y;
  int rows, depth;
  const void* weights;  // [rows][depth]: elements, or what half_rows reads
  const float* bias;
  Epilogue epilogue;
};

// The same over the nonzeros; offsets are indices into x.
struct SparseRowsArgs {
  const void* x;
  void* y;
  int rows;
  const void* values;           // nonzeros, row after row
  const std::int32_t* offsets;  // of each nonzero
  const std::int32_t* row_nnz;  // how many each row has
  const float* bias;
  Epilogue epilogue;
};

// A register tile of a dense matrix product as XNNPACK computes it: y = clamp(x * weights), of
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
  int lanes;            // elements in a vector
  int max_tile[5];      // largest SpmmArgs::tile by SpmmArgs::block
  int usual_tile[5];    // the fastest for long runs
  int tile_bytes;       // of input that one pass over sparse weights had better not exceed
  bool narrow_offsets;  // whether spmm reads them
  int bias_copies;      // of each channel's bias, which spmm reads as vectors where above 1

  // What XNNPACK computes dense convolutions with: only timed, see core/speed.h.
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
  // With float16 weights, widened in registers: a matrix that comes from memory comes twice as
  // fast. Null where elements are faster.
  void (*half_rows)(const RowsArgs&);
  void (*sparse_rows)(const SparseRowsArgs&);
  // These keep their sums in float32, however short elements are.
  float (*sum)(const void* x, std::size_t n);
  void (*accumulate)(const void* x, float* sums, std::size_t n);  // sums[i] += x[i]
  void (*softmax)(const void* x, void* y, int n, float beta);
  void (*from_floats)(const float* x, void* y, std::size_t n);
  void (*to_floats)(const void* x, float* y, std::size_t n);
  // HWC image -> CHW: y[c * plane_stride + p] = x[p * channels + c].
  void (*to_chw)(const void* x, void* y, int pixels, int channels, std::size_t plane_stride);
  void (*from_chw)(const FromChwArgs&);
};

// The kernels of one instruction set, or null where this build or this CPU has none.
const Kernels* find_kernels(const char* name);

// The kernels of the same instruction set that compute in float16 instead of float32, or null where
// this build or this CPU has none.
const Kernels* find_fp16_kernels(const Kernels& kernels);

// Those of every instruction set of this build that this CPU has, fastest first.
std::vector<const Kernels*> supported_kernels();

// The fastest kernels that this CPU runs. The environment variable TFSPARSE_ISA names a slower set,
// for tests and measurements.
const Kernels& best_kernels();

}  // namespace tfsparse
