#include "delegate/tflite/node_reader.h"

#include <algorithm>

#include "delegate/tflite/abi.h"

namespace tfsparse {
namespace {

// The fused activations of TFLite; false where the core has none such.
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
    case kTfLiteActSigmoid:
      epilogue->activation = Activation::kSigmoid;
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
      case kTfLiteBuiltinAdd:
        return binary("ADD", Binary::kAdd);
      case kTfLiteBuiltinSub:
        return binary("SUB", Binary::kSub);
      case kTfLiteBuiltinMul:
        return binary("MUL", Binary::kMul);
      case kTfLiteBuiltinDiv:
        return binary("DIV", Binary::kDiv);
      case kTfLiteBuiltinRelu:
        return unary("RELU", Unary::kIdentity, kTfLiteActRelu);
      case kTfLiteBuiltinReluN1To1:
        return unary("RELU_N1_TO_1", Unary::kIdentity, kTfLiteActReluN1To1);
      case kTfLiteBuiltinRelu6:
        return unary("RELU6", Unary::kIdentity, kTfLiteActRelu6);
      case kTfLiteBuiltinLogistic:
        return unary("LOGISTIC", Unary::kSigmoid, kTfLiteActNone);
      case kTfLiteBuiltinHardSwish:
        return unary("HARD_SWISH", Unary::kHardSwish, kTfLiteActNone);
      case kTfLiteBuiltinDensify:
        return plain("DENSIFY", Op::kDensify, 1);
      case kTfLiteBuiltinDequantize:
        return plain("DEQUANTIZE", Op::kDequantize, 1);
      case kTfLiteBuiltinShape:
        return plain("SHAPE", Op::kShape, 1);
      case kTfLiteBuiltinPad:
        return plain("PAD", Op::kPad, 2);
      case kTfLiteBuiltinMean:
        if (plain("MEAN", Op::kMean, 2); has<TfLiteReducerParams>()) {
          node_.keep_dims = get<TfLiteReducerParams>().keep_dims;
        }
        return;
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
        return;
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
    const bool may_lack_bias = required == 2 && node_.inputs.size() == 3;
    const std::size_t present = may_lack_bias ? required : node_.inputs.size();
    if (node_.inputs.size() < required ||
        std::any_of(node_.inputs.begin(), node_.inputs.begin() + present,
                    [](int input) { return input < 0; })) {
      refuse("lacks an input");
    }
  }

  void activation(int code) {
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
    activation(params.activation);
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
    activation(params.activation);
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
    activation(params.activation);
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
    activation(params.activation);
    if (params.weights_format != 0) refuse("weights are shuffled");
  }

  void binary(const char* type, Binary binary) {
    plain(type, Op::kBinary, 2);
    node_.binary = binary;
    if (has<TfLiteArithmeticParams>()) activation(get<TfLiteArithmeticParams>().activation);
  }

  void unary(const char* type, Unary unary, int fused) {
    plain(type, Op::kUnary, 1);
    node_.unary = unary;
    activation(fused);
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
