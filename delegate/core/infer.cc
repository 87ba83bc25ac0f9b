#include "delegate/core/infer.h"

#include <algorithm>
#include <map>

namespace tfsparse {
namespace {

class Inference {
 public:
  explicit Inference(Graph* graph) : graph_(*graph) {}

  Status run() {
    for (Node& node : graph_.nodes) {
      const Status status = visit(node);
      if (!status.ok()) {
        return Status::error(node.type + " '" + graph_.tensors[node.output].name +
                             "': " + status.message());
      }
      if (element_count(out(node)) < 0) return Status::error("a tensor is too large");
    }
    return {};
  }

 private:
  using Ints = std::vector<std::int64_t>;

  const Shape& in(const Node& node, int i) const { return graph_.tensors[node.inputs[i]].shape; }
  Shape& out(const Node& node) { return graph_.tensors[node.output].shape; }

  Status visit(Node& node) {
    switch (node.op) {
      case Op::kConv2D:
      case Op::kDepthwiseConv2D:
        return convolution(node);
      case Op::kFullyConnected:
        return fully_connected(node);
      case Op::kPad:
        return pad(node);
      case Op::kBinary:
        return broadcast(node);
      case Op::kMean:
        return mean(node);
      case Op::kReshape:
        return reshape(node);
      case Op::kShape:
        ints_[node.output] = Ints(in(node, 0).begin(), in(node, 0).end());
        out(node) = {static_cast<int>(in(node, 0).size())};
        return {};
      case Op::kStridedSlice:
        return slice(node);
      case Op::kPack:
        return pack(node);
      case Op::kSoftmax:
        if (in(node, 0).empty()) return Status::error("input is a scalar");
        out(node) = in(node, 0);
        return {};
      case Op::kUnary:
      case Op::kDensify:
      case Op::kDequantize:
        out(node) = in(node, 0);
        return {};
      case Op::kUnsupported:
        break;
    }
    return Status::error("is not supported");
  }

  // The output's length along one axis, and the padding before it. TFLite's rules.
  static int window(Padding padding, std::int64_t size, std::int64_t kernel, std::int64_t stride,
                    std::int64_t dilation, int* before) {
    const std::int64_t reach = (kernel - 1) * dilation + 1;
    if (padding == Padding::kSame) {
      const std::int64_t length = (size + stride - 1) / stride;
      const std::int64_t total = std::max<std::int64_t>((length - 1) * stride + reach - size, 0);
      *before = static_cast<int>(std::min(total, kMaxElements) / 2);
      return static_cast<int>(length);
    }
    *before = 0;
    return size < reach ? 0 : static_cast<int>((size - reach) / stride + 1);
  }

  // The input with its border of zeros, as far as the window reaches, has to fit into memory.
  static bool border_is_sane(const Node& node, const Shape& w, const Shape& y) {
    const auto reach = [](std::int64_t size, std::int64_t kernel, std::int64_t stride,
                          std::int64_t dilation) {
      return std::max<std::int64_t>(size - 1, 0) * stride + (kernel - 1) * dilation + stride;
    };
    const std::int64_t rows = reach(y[1], w[1], node.stride_h, node.dilation_h);
    const std::int64_t columns = reach(y[2], w[2], node.stride_w, node.dilation_w);
    return rows <= kMaxElements && columns <= kMaxElements && rows * columns <= kMaxElements &&
           rows * columns * w[3] <= kMaxElements;
  }

  Status convolution(Node& node) {
    const Shape& x = in(node, 0);
    const Shape& w = in(node, 1);
    if (x.size() != 4 || w.size() != 4 || w[1] < 1 || w[2] < 1 || x[3] != w[3]) {
      return Status::error("input " + to_string(x) + " does not fit weights " + to_string(w));
    }
    const int channels = node.op == Op::kConv2D ? w[0] : w[3];
    TFSPARSE_RETURN_IF_ERROR(check_bias(node, channels));
    const int height =
        window(node.padding, x[1], w[1], node.stride_h, node.dilation_h, &node.pad_top);
    const int width =
        window(node.padding, x[2], w[2], node.stride_w, node.dilation_w, &node.pad_left);
    out(node) = {x[0], height, width, channels};
    if (!border_is_sane(node, w, out(node))) {
      return Status::error("window of weights " + to_string(w) + " is too large");
    }
    return {};
  }

  Status fully_connected(const Node& node) {
    const Shape& x = in(node, 0);
    const Shape& w = in(node, 1);
    if (w.size() != 2 || w[1] < 1 || x.empty() || element_count(x) % w[1] != 0) {
      return Status::error("input " + to_string(x) + " does not fit weights " + to_string(w));
    }
    TFSPARSE_RETURN_IF_ERROR(check_bias(node, w[0]));
    if (node.keep_dims) {
      if (x.back() != w[1]) return Status::error("input " + to_string(x) + " does not fit weights");
      Shape shape = x;
      shape.back() = w[0];
      out(node) = shape;
    } else {
      out(node) = {static_cast<int>(element_count(x) / w[1]), w[0]};
    }
    return {};
  }

  Status check_bias(const Node& node, int channels) const {
    if (node.inputs.size() > 2 && node.inputs[2] >= 0 && element_count(in(node, 2)) != channels) {
      return Status::error("bias " + to_string(in(node, 2)) + " does not fit " +
                           std::to_string(channels) + " channels");
    }
    return {};
  }

  Status pad(Node& node) {
    Ints amounts;
    TFSPARSE_RETURN_IF_ERROR(ints(node.inputs[1], &amounts));
    const Shape& x = in(node, 0);
    if (x.size() != 4 || amounts.size() != 8) return Status::error("pads no image");
    Shape shape = x;
    for (int dim = 0; dim < 4; ++dim) {
      const std::int64_t before = amounts[2 * dim], after = amounts[2 * dim + 1];
      const bool spatial = dim == 1 || dim == 2;
      constexpr std::int64_t kMost = 1 << 20;
      if (before < 0 || after < 0 || before > kMost || after > kMost ||
          (!spatial && before + after > 0)) {
        return Status::error("pads by an amount that is negative, huge or not spatial");
      }
      shape[dim] += static_cast<int>(before + after);
    }
    node.pad_top = static_cast<int>(amounts[2]);
    node.pad_left = static_cast<int>(amounts[4]);
    out(node) = shape;
    return {};
  }

  Status broadcast(const Node& node) {
    const Shape& a = in(node, 0);
    const Shape& b = in(node, 1);
    Shape shape(std::max(a.size(), b.size()), 1);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const int da = i < a.size() ? a[a.size() - 1 - i] : 1;
      const int db = i < b.size() ? b[b.size() - 1 - i] : 1;
      if (da != db && da != 1 && db != 1) {
        return Status::error("shapes " + to_string(a) + " and " + to_string(b) + " do not fit");
      }
      shape[shape.size() - 1 - i] = da == 1 ? db : da;
    }
    out(node) = shape;
    return {};
  }

  Status mean(const Node& node) {
    const Shape& x = in(node, 0);
    if (x.size() != 4) return Status::error("averages no image");
    out(node) = node.keep_dims ? Shape{x[0], 1, 1, x[3]} : Shape{x[0], x[3]};
    return {};
  }

  Status reshape(const Node& node) {
    Ints target(node.new_shape.begin(), node.new_shape.end());
    if (node.inputs.size() > 1) TFSPARSE_RETURN_IF_ERROR(ints(node.inputs[1], &target));
    const std::int64_t elements = element_count(in(node, 0));
    std::int64_t known = 1;
    int open = -1;
    Shape shape;
    for (std::int64_t dim : target) {
      if (dim < -1 || dim > kMaxElements || (dim == -1 && open >= 0)) {
        return Status::error("target shape makes no sense");
      }
      if (dim == -1) open = static_cast<int>(shape.size());
      if (dim > 0 && known > kMaxElements / dim) return Status::error("target shape is too large");
      known *= dim == -1 ? 1 : dim;
      shape.push_back(static_cast<int>(dim));
    }
    if (open >= 0) shape[open] = known > 0 ? static_cast<int>(elements / known) : 0;
    if (element_count(shape) != elements) {
      return Status::error("cannot reshape " + to_string(in(node, 0)) + " to " + to_string(shape));
    }
    out(node) = shape;
    return {};
  }

  // A slice of a shape: one dimension, step 1.
  Status slice(const Node& node) {
    Ints x, begin, end, step;
    TFSPARSE_RETURN_IF_ERROR(ints(node.inputs[0], &x));
    TFSPARSE_RETURN_IF_ERROR(ints(node.inputs[1], &begin));
    TFSPARSE_RETURN_IF_ERROR(ints(node.inputs[2], &end));
    TFSPARSE_RETURN_IF_ERROR(ints(node.inputs[3], &step));
    if (begin.size() != 1 || end.size() != 1 || step != Ints{1} || node.other_masks != 0) {
      return Status::error("is no plain slice of a shape");
    }
    const std::int64_t size = static_cast<std::int64_t>(x.size());
    const auto place = [size](std::int64_t i) {
      return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size);
    };
    const std::int64_t first = node.begin_mask ? 0 : place(begin[0]);
    std::int64_t last = node.end_mask ? size : place(end[0]);
    if (node.shrink_axis_mask) last = first + 1;
    if (first >= last || last > size) return Status::error("slices nothing");
    ints_[node.output] = Ints(x.begin() + first, x.begin() + last);
    out(node) = node.shrink_axis_mask ? Shape{} : Shape{static_cast<int>(last - first)};
    return {};
  }

  Status pack(const Node& node) {
    Ints packed;
    for (int input : node.inputs) {
      Ints value;
      TFSPARSE_RETURN_IF_ERROR(ints(input, &value));
      if (value.size() != 1) return Status::error("packs no scalars");
      packed.push_back(value[0]);
    }
    out(node) = {static_cast<int>(packed.size())};
    ints_[node.output] = packed;
    return {};
  }

  Status ints(int tensor, Ints* values) const {
    const auto known = ints_.find(tensor);
    if (known == ints_.end()) return read_ints(graph_.tensors[tensor], values);
    *values = known->second;
    return {};
  }

  Graph& graph_;
  std::map<int, Ints> ints_;  // what the shape arithmetic came to
};

}  // namespace

Status infer_shapes(Graph* graph) { return Inference(graph).run(); }

}  // namespace tfsparse
