#include "delegate/core/operators/weighted/fully_connected.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/hasher.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/steps/int8/rows.h"
#include "delegate/core/steps/layout_change.h"
#include "delegate/core/weights/pack.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

// Lower sparsity does not pay: every weight needs an index and a gather. In a convolution, one
// index serves many pixels.
constexpr double kSparseFromZeros = 0.7;

// Matrix times vector: for one row, and for a 1x1 convolution of one pixel.
class RowsStep : public Step {
 public:
  void run(const RunContext& context) const override {
    // Sixteen rows are worth waking a thread for.
    context.pool.parallel_for(rows_, 16, [&](int begin, int end, int) {
      const Elements x = context.values[reads[0]], y = context.values[writes[0]] + begin;
      const std::size_t first = static_cast<std::size_t>(begin) * depth_;
      if (sparse_) {
        SparseRowsArgs args{};
        args.x = x;
        args.y = y;
        args.bias = bias_.data() + begin;
        args.epilogue = epilogue_;
        matrix_.describe(begin, end, &args);
        context.kernels.sparse_rows(args);
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
  std::vector<std::uint16_t> halves_;  // in place of floats, if the file has float16
  std::vector<float> bias_;
  Epilogue epilogue_;
};

}  // namespace

std::string FullyConnected::unsupported_because(const SupportContext& context,
                                                const Node& node) const {
  return unsupported_weights(context, node, 2);
}

Status FullyConnected::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  const Shape& w = context->in(node, 1);
  if (w.size() != 2 || w[1] < 1 || x.empty() || element_count(x) % w[1] != 0) {
    return Status::error("input " + to_string(x) + " does not fit weights " + to_string(w));
  }
  TFSPARSE_RETURN_IF_ERROR(check_bias(*context, node, w[0]));
  if (keep_dims) {
    if (x.back() != w[1]) return Status::error("input " + to_string(x) + " does not fit weights");
    Shape shape = x;
    shape.back() = w[0];
    context->set_out(node, shape);
  } else {
    context->set_out(node, {static_cast<int>(element_count(x) / w[1]), w[0]});
  }
  return {};
}

DefaultWork FullyConnected::default_work(const WorkContext& context, const Node& node) const {
  if (context.multiplies_int8(node)) return default_int8_work(context, node);
  const Shape& w = context.shape(node.inputs[1]);
  return context.product(node, context.elements(node.output) / w[0], w[0], w[1]);
}

DefaultWork FullyConnected::default_int8_work(const WorkContext& context, const Node& node) const {
  const Shape& w = context.shape(node.inputs[1]);
  return context.int8_product(node, context.elements(node.output) / w[0], w[0], 1, w[1]);
}

Status FullyConnected::build(PlanBuilder* builder, const Node& node) const {
  const Value x = builder->values().flat(node.inputs[0]);
  const Value y = builder->values().define_flat(node.output);
  const Kernels& kernels = builder->kernels();
  const Tensor& weights = builder->tensor(node.inputs[1]);
  auto step = std::make_unique<RowsStep>();
  std::vector<float> dense;
  TFSPARSE_RETURN_IF_ERROR(read_floats(weights, &dense));
  step->rows_ = weights.shape[0];
  step->depth_ = weights.shape.back();
  TFSPARSE_RETURN_IF_ERROR(read_bias(builder->graph(), node, step->rows_, &step->bias_));
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
  step->epilogue_ = epilogue;
  step->reads = {x};
  step->writes = {y};
  builder->add(std::move(step), node);
  return {};
}

bool FullyConnected::computes_in(DType type) const { return is_float32_or_int8(type); }

Status FullyConnected::build_int8(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const QuadLayout row = quad_layout({builder->shape(node.inputs[1]).back()});
  PaddedValue x;
  if (builder->shape(node.inputs[0]).back() == row.channels) {
    x = values.padded(values.chw(node.inputs[0]));
  } else {  // the row is a whole image, in TFLite's order
    x = values.add_bytes(row.bytes());
    builder->add(make_to_quads(values.flat(node.inputs[0]), x, row), node);
  }
  const Value y = values.define_chw(node.output);
  std::unique_ptr<Step> step;
  TFSPARSE_RETURN_IF_ERROR(
      make_int8_rows(builder->graph(), node, x, y, builder->int8_kernels(), &step));
  builder->add(std::move(step), node);
  return {};
}

void FullyConnected::hash(Hasher* hasher) const { hasher->add(keep_dims, epilogue); }

}  // namespace tfsparse
