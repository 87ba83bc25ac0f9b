// FULLY_CONNECTED of one row, and a 1x1 convolution of a single pixel: a matrix times a vector.
#include <algorithm>
#include <cstring>

#include "delegate/core/pack.h"
#include "delegate/core/step.h"

namespace tfsparse {
namespace {

// Skipping needs an index and a gather for every weight, so it pays later than in a convolution,
// where one weight serves many pixels.
constexpr double kSparseFromZeros = 0.6;

class FullyConnected : public Step {
 public:
  void run(const RunContext& context) const override {
    // Sixteen rows are enough work to be worth waking a thread for.
    context.pool.parallel_for(rows_, 16, [&](int begin, int end, int) {
      const Elements x = context.values[reads[0]], y = context.values[writes[0]] + begin;
      const std::size_t first = static_cast<std::size_t>(begin) * depth_;
      if (sparse_) {
        const std::size_t nonzero = matrix_.row_begin[begin];
        context.kernels.sparse_rows(
            {x, y, end - begin, matrix_.values.data() + nonzero, matrix_.columns.data() + nonzero,
             matrix_.row_nnz.data() + begin, bias_.data() + begin, epilogue_});
      } else if (!halves_.empty()) {
        context.kernels.half_rows(
            {x, y, end - begin, depth_, halves_.data() + first, bias_.data() + begin, epilogue_});
      } else {
        context.kernels.dense_rows(
            {x, y, end - begin, depth_, weights_.data() + first, bias_.data() + begin, epilogue_});
      }
    });
  }

  int rows_ = 0, depth_ = 0;  // of the weights
  bool sparse_ = false;
  SparseRows matrix_;
  Buffer weights_;
  std::vector<std::uint16_t> halves_;  // instead, where the file has float16
  std::vector<float> bias_;
  Epilogue epilogue_;
};

}  // namespace

Status make_fully_connected(const Graph& graph, const Node& node, const Kernels& kernels, Value x,
                            Value y, std::unique_ptr<Step>* result) {
  auto step = std::make_unique<FullyConnected>();
  const Tensor& weights = graph.tensors[node.inputs[1]];
  std::vector<float> dense;
  TFSPARSE_RETURN_IF_ERROR(read_floats(weights, &dense));
  step->rows_ = weights.shape[0];
  step->depth_ = weights.shape.back();
  TFSPARSE_RETURN_IF_ERROR(read_bias(graph, node, step->rows_, &step->bias_));
  const auto zeros = std::count(dense.begin(), dense.end(), 0.0f);
  step->sparse_ = zeros >= kSparseFromZeros * dense.size();
  step->parts[0].macs = static_cast<double>(dense.size());
  if (step->sparse_) {
    step->parts[0].macs -= static_cast<double>(zeros);
    step->matrix_ = pack_rows(dense, step->rows_, step->depth_, kernels);
    step->parts[0].kernel = "sparse rows";
  } else if (weights.type == DType::kFloat16 && !weights.sparsity && kernels.half_rows) {
    const auto* stored = static_cast<const char*>(weights.data);
    step->halves_.resize(dense.size());
    std::memcpy(step->halves_.data(), stored, dense.size() * sizeof(std::uint16_t));
    step->parts[0].kernel = "dense float16 rows";
  } else {
    step->weights_ = to_elements(dense, kernels);
    step->parts[0].kernel = "dense rows";
  }
  step->epilogue_ = node.epilogue;
  step->reads = {x};
  step->writes = {y};
  *result = std::move(step);
  return {};
}

}  // namespace tfsparse
