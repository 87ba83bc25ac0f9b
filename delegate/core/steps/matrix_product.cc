#include "delegate/core/steps/matrix_product.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "delegate/core/plan/layout.h"
#include "delegate/core/weights/pack.h"

namespace tfsparse {
namespace {

constexpr int kRowBlock = 4;           // rows of a that share the loads of b
constexpr int kRowsAtOnce = 32;        // rows of a packed at once: they stay in the L1 cache
constexpr double kMacGrain = 1 << 18;  // MACs that are worth waking a thread for

// Multiplies as a 1x1 convolution does: the rows of a are the weights, and the rows of b are the
// channel planes. Each thread packs both into its scratch.
class MatrixProduct : public Step {
 public:
  MatrixProduct(Matrices a, Matrices b, Value y, const Shape& shape, const Kernels& kernels)
      : a_(std::move(a)), b_(std::move(b)), y_(y), leading_(shape.begin(), shape.end() - 2) {
    rows_ = shape[shape.size() - 2];
    columns_ = shape.back();
    depth_ = a_.shape[a_.shape.size() - (a_.transposed ? 2 : 1)];
    stride_ = plane_stride(columns_);
    batches_ = static_cast<int>(element_count(leading_));
    parts[0].kernel = "matrix product";
    parts[0].macs = 1.0 * batches_ * rows_ * columns_ * depth_;
    rows_at_once_ = std::min(kRowsAtOnce, rows_);
    const std::uint64_t elements = depth_ * (stride_ + rows_at_once_) + kOverread;
    scratch_bytes = elements * kernels.element_bytes;
    for (const Matrices* operand : {&a_, &b_}) {
      if (operand->value.exists()) reads.push_back(operand->value);
    }
    writes = {y_};
    describe_blocks(kernels);
  }

  void run(const RunContext& context) const override {
    const int chunks = (rows_ + rows_at_once_ - 1) / rows_at_once_;
    const double macs = std::max(1.0, parts[0].macs / batches_ / chunks);
    const int grain = 1 + static_cast<int>(kMacGrain / macs);
    context.pool.parallel_for(batches_ * chunks, grain, [&](int begin, int end, int worker) {
      const PaddedElements planes = context.scratch[worker];
      for (int i = begin, packed = -1; i < end; ++i) {
        const int batch = i / chunks, first = i % chunks * rows_at_once_;
        const int matrix = index_of(batch, b_);
        if (matrix != packed) pack_planes(context, address(context, b_, matrix), planes);
        packed = matrix;
        multiply(context, batch, first, std::min(rows_at_once_, rows_ - first), planes);
      }
    });
  }

 private:
  // All taps in each block: what the kernel reads besides the matrices.
  void describe_blocks(const Kernels& kernels) {
    const int blocks = std::min(rows_, kRowsAtOnce / kRowBlock);  // or single rows, up to three
    for (int row = 0; row < rows_at_once_; ++row) channels_.push_back(row);
    nnz_.assign(blocks, depth_);
    for (int block = 0; block < blocks; ++block) {
      for (int tap = 0; tap < depth_; ++tap) {
        offsets_.push_back(static_cast<std::int32_t>(tap * stride_));
      }
    }
    offsets_.resize(offsets_.size() + 2, 0);  // see SpmmArgs
    no_bias_ = to_elements(std::vector<float>(rows_at_once_ * kernels.bias_copies), kernels);
  }

  // Which matrix of an operand makes this one of y.
  int index_of(int batch, const Matrices& operand) const {
    const int leading = static_cast<int>(operand.shape.size()) - 2;
    int index = 0, count = 1;
    for (int i = 1; i <= leading; ++i) {
      const int wide = leading_[leading_.size() - i], size = operand.shape[leading - i];
      if (size > 1) index += batch % wide * count;
      batch /= wide;
      count *= size;
    }
    return index;
  }

  Elements address(const RunContext& context, const Matrices& operand, int matrix) const {
    const Elements first =
        operand.value.exists() ? context.values[operand.value] : operand.constant.data();
    const std::size_t last = operand.shape.size() - 1;
    return first +
           static_cast<std::ptrdiff_t>(matrix) * operand.shape[last - 1] * operand.shape[last];
  }

  void pack_planes(const RunContext& context, Elements b, PaddedElements planes) const {
    if (b_.transposed) return context.kernels.to_chw(b, planes, columns_, depth_, stride_);
    for (int row = 0; row < depth_; ++row) {
      copy(b + static_cast<std::ptrdiff_t>(row) * columns_, planes + row * stride_, columns_);
    }
  }

  // Multiplies `count` rows of a: blocks of four, then single ones.
  void multiply(const RunContext& context, int batch, int first, int count,
                PaddedElements planes) const {
    const Elements a = address(context, a_, index_of(batch, a_));
    const PaddedElements packed = planes + depth_ * stride_ + kOverread;
    const int in_blocks = count / kRowBlock * kRowBlock;
    for (int row = 0; row < in_blocks; row += kRowBlock) {
      pack_block(context.kernels, a, first + row, packed + row * depth_);
    }
    pack_rows(context.kernels, a, first + in_blocks, count - in_blocks,
              packed + in_blocks * depth_);
    SpmmArgs args{};
    args.x = planes;
    args.y_stride = columns_;
    args.n = columns_;
    args.channels = channels_.data();
    args.nnz = nnz_.data();
    args.wide_offsets = offsets_.data();
    args.bias = no_bias_.data();
    args.finish = true;
    const auto run = [&](int row, int block, int blocks) {
      if (blocks == 0) return;
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(batch) * rows_ + first + row;
      // Not accumulating, so nothing of y is read.
      args.y = Padded<void>(context.values[y_] + at * columns_);
      args.block = block;
      args.blocks = blocks;
      args.values = packed + row * depth_;
      args.tile = context.kernels.usual_tile[block];
      context.kernels.spmm(args);
    };
    run(0, kRowBlock, in_blocks / kRowBlock);
    run(in_blocks, 1, count - in_blocks);
  }

  // Four rows of a as [depth][4].
  void pack_block(const Kernels& kernels, Elements a, int row, PaddedElements packed) const {
    if (a_.transposed) {
      kernels.crop({a + row, rows_, packed, nullptr, depth_, kRowBlock});
    } else {
      kernels.to_chw(a + static_cast<std::ptrdiff_t>(row) * depth_, packed, kRowBlock, depth_,
                     kRowBlock);
    }
  }

  void pack_rows(const Kernels& kernels, Elements a, int row, int count,
                 PaddedElements packed) const {
    if (count == 0) return;
    if (a_.transposed) {
      kernels.from_chw({a + row, packed, count, depth_, static_cast<std::size_t>(rows_)});
    } else {
      copy(a + static_cast<std::ptrdiff_t>(row) * depth_, packed,
           static_cast<std::size_t>(count) * depth_);
    }
  }

  Matrices a_, b_;
  Value y_;
  Shape leading_;  // dimensions of y
  int batches_ = 0, rows_ = 0, columns_ = 0, depth_ = 0;
  int rows_at_once_ = 0;
  std::uint64_t stride_ = 0;  // between packed rows of b
  std::vector<std::int32_t> channels_, nnz_, offsets_;
  Buffer no_bias_;
};

}  // namespace

Status make_matrix_product(Matrices a, Matrices b, Value y, const Shape& shape,
                           const Kernels& kernels, std::unique_ptr<Step>* step) {
  const int depth = a.shape[a.shape.size() - (a.transposed ? 2 : 1)];
  TFSPARSE_RETURN_IF_ERROR(check_offsets(depth, plane_stride(shape.back())));
  *step = std::make_unique<MatrixProduct>(std::move(a), std::move(b), y, shape, kernels);
  return {};
}

}  // namespace tfsparse
