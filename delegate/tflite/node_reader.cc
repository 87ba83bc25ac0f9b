#include "delegate/tflite/node_reader.h"

#include <algorithm>

#include "delegate/tflite/abi.h"
#include "delegate/tflite/elementwise_operators.h"

namespace tfsparse {
namespace {

// The fused activations that TFLite computes. Its kernels refuse TANH and SIGN_BIT, or run as if
// there were none: such an operator is left to them.
bool set_activation(int activation, Epilogue* epilogue) {
  switch (activation) {
    case kTfLiteActNone:
      return true;
    case kTfLiteActRelu:
      epilogue->lo = 0;
      return true;
    case kTfLiteActReluN1To1:
      epilogue->lo = -1;
      epilogue->hi = 1;
      return true;
    case kTfLiteActRelu6:
      epilogue->lo = 0;
      epilogue->hi = 6;
      return true;
    default:
      return false;
  }
}

class NodeReader {
 public:
  NodeReader(int code, const void* params, Node* node)
      : code_(code), params_(params), node_(*node) {}

  void read() {
    switch (code_) {
      case kTfLiteBuiltinConv2d:
        return convolution<TfLiteConvParams>("CONV_2D", Op::kConv2D);
      case kTfLiteBuiltinDepthwiseConv2d:
        return convolution<TfLiteDepthwiseConvParams>("DEPTHWISE_CONV_2D", Op::kDepthwiseConv2D);
      case kTfLiteBuiltinTransposeConv:
        return transpose_conv();
      case kTfLiteBuiltinAveragePool2d:
        return pool("AVERAGE_POOL_2D", Pooling::kAverage);
      case kTfLiteBuiltinMaxPool2d:
        return pool("MAX_POOL_2D", Pooling::kMax);
      case kTfLiteBuiltinResizeBilinear:
        return resize("RESIZE_BILINEAR", Interpolation::kBilinear);
      case kTfLiteBuiltinResizeNearestNeighbor:
        return resize("RESIZE_NEAREST_NEIGHBOR", Interpolation::kNearest);
      case kTfLiteBuiltinFullyConnected:
        return fully_connected();
      case kTfLiteBuiltinDensify:
        return plain("DENSIFY", Op::kDensify, 1);
      case kTfLiteBuiltinDequantize:
        return plain("DEQUANTIZE", Op::kDequantize, 1);
      case kTfLiteBuiltinShape:
        return plain("SHAPE", Op::kShape, 1);
      case kTfLiteBuiltinPad:
        return plain("PAD", Op::kPad, 2);
      case kTfLiteBuiltinPadv2:
        return plain("PADV2", Op::kPad, 3);
      case kTfLiteBuiltinConcatenation:
        return concatenation();
      case kTfLiteBuiltinSplit:
        return split("SPLIT", {1, 0});
      case kTfLiteBuiltinSplitV:
        return split("SPLIT_V", {0, 2, 1});
      case kTfLiteBuiltinSlice:
        return plain("SLICE", Op::kSlice, 3);
      case kTfLiteBuiltinTranspose:
        return plain("TRANSPOSE", Op::kTranspose, 2);
      case kTfLiteBuiltinSpaceToDepth:
        return block_move("SPACE_TO_DEPTH", Op::kSpaceToDepth);
      case kTfLiteBuiltinDepthToSpace:
        return block_move("DEPTH_TO_SPACE", Op::kDepthToSpace);
      case kTfLiteBuiltinMean:
        return reduction("MEAN", Reduction::kMean);
      case kTfLiteBuiltinSum:
        return reduction("SUM", Reduction::kSum);
      case kTfLiteBuiltinExpandDims:
        return plain("EXPAND_DIMS", Op::kExpandDims, 2);
      case kTfLiteBuiltinSqueeze:
        return squeeze();
      case kTfLiteBuiltinSoftmax:
        if (plain("SOFTMAX", Op::kSoftmax, 1); has<TfLiteSoftmaxParams>()) {
          node_.beta = get<TfLiteSoftmaxParams>().beta;
        }
        return;
      case kTfLiteBuiltinReshape:
        return reshape();
      case kTfLiteBuiltinStridedSlice:
        return strided_slice();
      case kTfLiteBuiltinPack:
        if (plain("PACK", Op::kPack, 1); has<TfLitePackParams>()) {
          if (get<TfLitePackParams>().axis != 0) refuse("packs along another axis");
        }
        return;
      default:
        return elementwise();
    }
  }

 private:
  template <typename Params>
  bool has() {
    if (node_.op == Op::kUnsupported) return false;
    if (params_ == nullptr) refuse("has no parameters");
    return params_ != nullptr;
  }
  template <typename Params>
  const Params& get() const {
    return *static_cast<const Params*>(params_);
  }

  void refuse(const char* problem) {
    node_.op = Op::kUnsupported;
    node_.problem = problem;
  }

  // An operator that needs its first `required` inputs.
  void plain(const char* type, Op op, std::size_t required) {
    node_.type = type;
    node_.op = op;
    // Only a bias, the third input of a layer with weights, may be left out.
    const bool has_weights =
        op == Op::kConv2D || op == Op::kDepthwiseConv2D || op == Op::kFullyConnected;
    const bool may_lack_bias = has_weights && node_.inputs.size() == 3;
    const std::size_t present = may_lack_bias ? required : node_.inputs.size();
    if (node_.inputs.size() < required ||
        std::any_of(node_.inputs.begin(), node_.inputs.begin() + present,
                    [](int input) { return input < 0; })) {
      refuse("lacks an input");
    }
  }

  void fuse(int code) {
    if (!set_activation(code, &node_.epilogue)) refuse("fused activation is not supported");
  }

  template <typename Params>
  void convolution(const char* type, Op op) {
    plain(type, op, 2);
    if (!has<Params>()) return;
    const Params& params = get<Params>();
    node_.stride_h = params.stride_height;
    node_.stride_w = params.stride_width;
    node_.dilation_h = params.dilation_height_factor;
    node_.dilation_w = params.dilation_width_factor;
    fuse(params.activation);
    padding(params.padding);
    if (std::max({node_.stride_h, node_.stride_w, node_.dilation_h, node_.dilation_w}) > 1 << 10) {
      refuse("stride or dilation is absurdly large");
    }
  }

  void transpose_conv() {
    if (node_.inputs.size() == 4 && node_.inputs[3] < 0) node_.inputs.pop_back();  // no bias
    plain("TRANSPOSE_CONV", Op::kTransposeConv, 3);
    if (!has<TfLiteTransposeConvParams>()) return;
    const std::vector<int> from = node_.inputs;
    node_.inputs = {from[2], from[1], from.size() > 3 ? from[3] : -1, from[0]};
    const auto& params = get<TfLiteTransposeConvParams>();
    node_.stride_h = params.stride_height;
    node_.stride_w = params.stride_width;
    fuse(params.activation);
    padding(params.padding);
    if (std::min(node_.stride_h, node_.stride_w) < 1) refuse("stride below 1");
    if (std::max(node_.stride_h, node_.stride_w) > 1 << 10) refuse("stride is absurdly large");
  }

  void padding(int code) {
    node_.padding = code == kTfLitePaddingSame ? Padding::kSame : Padding::kValid;
    if (code != kTfLitePaddingSame && code != kTfLitePaddingValid) refuse("padding is unknown");
  }

  void pool(const char* type, Pooling pooling) {
    plain(type, Op::kPool, 1);
    node_.pooling = pooling;
    if (!has<TfLitePoolParams>()) return;
    const auto& params = get<TfLitePoolParams>();
    node_.stride_h = params.stride_height;
    node_.stride_w = params.stride_width;
    node_.window_h = params.filter_height;
    node_.window_w = params.filter_width;
    fuse(params.activation);
    if (node_.epilogue.activation != Activation::kNone) {
      refuse("fused activation is not supported");
    }
    padding(params.padding);
    const auto sizes = {node_.stride_h, node_.stride_w, node_.window_h, node_.window_w};
    if (std::min(sizes) < 1) refuse("stride or window below 1");
    if (std::max(sizes) > 1 << 10) refuse("stride or window is absurdly large");
  }

  void resize(const char* type, Interpolation interpolation) {
    plain(type, Op::kResize, 2);
    node_.interpolation = interpolation;
    if (!has<TfLiteResizeParams>()) return;
    node_.align_corners = get<TfLiteResizeParams>().align_corners;
    node_.half_pixel_centers = get<TfLiteResizeParams>().half_pixel_centers;
    if (interpolation == Interpolation::kBilinear && node_.align_corners &&
        node_.half_pixel_centers) {
      refuse("both corners and pixel centers are aligned");
    }
  }

  void fully_connected() {
    plain("FULLY_CONNECTED", Op::kFullyConnected, 2);
    if (!has<TfLiteFullyConnectedParams>()) return;
    const auto& params = get<TfLiteFullyConnectedParams>();
    node_.keep_dims = params.keep_num_dims;
    fuse(params.activation);
    if (params.weights_format != 0) refuse("weights are shuffled");
  }

  void elementwise() {
    for (const auto& [code, type, operation, is_arithmetic] : kBinaryOperators) {
      if (code != code_) continue;
      plain(type, Op::kBinary, 2);
      node_.binary = operation;
      if (is_arithmetic && has<TfLiteArithmeticParams>()) {
        fuse(get<TfLiteArithmeticParams>().activation);
      }
    }
    for (const auto& [code, type, operation, activation, clamp] : kUnaryOperators) {
      if (code != code_) continue;
      plain(type, Op::kUnary, 1);
      node_.unary = operation;
      node_.epilogue.activation = activation;
      fuse(clamp);
      if (activation == Activation::kLeakyRelu && has<TfLiteLeakyReluParams>()) {
        node_.epilogue.slope = get<TfLiteLeakyReluParams>().alpha;
      }
      if (activation == Activation::kGelu && has<TfLiteGeluParams>() &&
          get<TfLiteGeluParams>().approximate) {
        node_.epilogue.activation = Activation::kGeluTanh;
      }
    }
  }

  void concatenation() {
    plain("CONCATENATION", Op::kConcatenation, 1);
    if (!has<TfLiteConcatenationParams>()) return;
    node_.axis = get<TfLiteConcatenationParams>().axis;
    if (get<TfLiteConcatenationParams>().activation != kTfLiteActNone) {
      refuse("fused activation is not supported");
    }
  }

  // `order` puts the data first, the axis behind it, then the sizes.
  void split(const char* type, const std::vector<std::size_t>& order) {
    plain(type, Op::kSplit, order.size());
    if (node_.op == Op::kUnsupported) return;
    std::vector<int> inputs;
    for (std::size_t i : order) inputs.push_back(node_.inputs[i]);
    node_.inputs = inputs;
  }

  void block_move(const char* type, Op op) {
    plain(type, op, 1);
    if (!has<TfLiteBlockParams>()) return;
    node_.block_size = get<TfLiteBlockParams>().block_size;
    constexpr int kLargest = 1 << 10;
    if (node_.block_size < 1 || node_.block_size > kLargest) refuse("block size makes no sense");
  }

  void reduction(const char* type, Reduction reduction) {
    plain(type, Op::kReduce, 2);
    node_.reduction = reduction;
    if (has<TfLiteReducerParams>()) node_.keep_dims = get<TfLiteReducerParams>().keep_dims;
  }

  void squeeze() {
    plain("SQUEEZE", Op::kSqueeze, 1);
    if (!has<TfLiteSqueezeParams>()) return;
    const auto& params = get<TfLiteSqueezeParams>();
    if (params.num_squeeze_dims < 0 || params.num_squeeze_dims > 8) {
      return refuse("has more than 8 axes");
    }
    node_.axes.assign(params.squeeze_dims, params.squeeze_dims + params.num_squeeze_dims);
  }

  void reshape() {
    const bool has_shape_input = node_.inputs.size() == 2 && node_.inputs[1] >= 0;
    if (!has_shape_input && !node_.inputs.empty()) node_.inputs.resize(1);
    plain("RESHAPE", Op::kReshape, 1);
    if (has_shape_input || !has<TfLiteReshapeParams>()) return;
    const auto& params = get<TfLiteReshapeParams>();
    if (params.num_dimensions < 0 || params.num_dimensions > 8) return refuse("has no shape");
    node_.new_shape.assign(params.shape, params.shape + params.num_dimensions);
    if (node_.new_shape == Shape{0}) node_.new_shape.clear();  // how old files write a scalar
  }

  void strided_slice() {
    plain("STRIDED_SLICE", Op::kStridedSlice, 4);
    if (!has<TfLiteStridedSliceParams>()) return;
    const auto& params = get<TfLiteStridedSliceParams>();
    node_.begin_mask = params.begin_mask;
    node_.end_mask = params.end_mask;
    node_.shrink_axis_mask = params.shrink_axis_mask;
    node_.other_masks = params.ellipsis_mask | params.new_axis_mask | params.offset;
  }

  int code_;
  const void* params_;
  Node& node_;
};

}  // namespace

void read_node(int code, const void* params, Node* node) { NodeReader(code, params, node).read(); }

}  // namespace tfsparse
