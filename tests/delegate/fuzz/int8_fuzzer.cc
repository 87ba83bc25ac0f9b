// A sound int8 model, which the bytes damage: scales, zero points, their numbers, encodings, sizes.
// The delegate takes no node with a tensor that is not sound, and runs what it takes.
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>

#include "tests/delegate/fuzz/bytes.h"
#include "tests/delegate/tflite/fake_runtime.h"
#include "tests/delegate/tflite/plugin.h"

using namespace tfsparse::testing;

namespace {

// The same structs as those of the readers.
struct ResizeParams {
  bool align_corners, half_pixel_centers;
};
struct SoftmaxParams {
  float beta;
};
struct TransposeConvParams {
  int padding, stride_width, stride_height, activation;
};

void require(bool condition) {
  if (!condition) std::abort();
}

// Weights in the sparse encoding, dense and compressed, of fully connected layers and convolutions.
class Model {
 public:
  explicit Model(FakeRuntime* runtime) : runtime_(*runtime) {
    constexpr ConvParams kConv{kTfLitePaddingSame, 1, 1, kTfLiteActRelu, 1, 1};
    constexpr DepthwiseConvParams kDepthwise{kTfLitePaddingSame, 1, 1, 1, kTfLiteActNone, 1, 1};
    const int x = activation({1, 4, 4, 8});
    const int first = weights({8, 1, 1, 8}, 8, 0);
    const int sum = layer(kTfLiteBuiltinConv2d, {x, first, bias(8)}, {1, 4, 4, 8}, kConv);
    const int filter = weights({1, 3, 3, 8}, 8, 3);
    const int y =
        layer(kTfLiteBuiltinDepthwiseConv2d, {sum, filter, bias(8)}, {1, 4, 4, 8}, kDepthwise);
    const int z = layer(kTfLiteBuiltinAdd, {x, y}, {1, 4, 4, 8}, ArithmeticParams{kTfLiteActNone});
    const int slopes = weights({1, 1, 8}, 1, 0);
    const int prelu = layer(kTfLiteBuiltinPrelu, {z, slopes}, {1, 4, 4, 8}, ArithmeticParams{});
    const int size = runtime_.constant({2}, std::vector<int>{5, 7}, kTfLiteInt32);
    const int shape = runtime_.constant({4}, std::vector<int>{1, 7, 8, 8}, kTfLiteInt32);
    const int taps = weights({8, 3, 3, 8}, 8, 0);
    const int larger =
        layer(kTfLiteBuiltinTransposeConv, {shape, taps, prelu, bias(8)}, {1, 7, 8, 8},
              TransposeConvParams{kTfLitePaddingSame, 2, 2, kTfLiteActNone});
    const int image =
        layer(kTfLiteBuiltinResizeBilinear, {larger, size}, {1, 5, 7, 8}, ResizeParams{});
    const int sigmoid = layer(kTfLiteBuiltinLogistic, {image}, {1, 5, 7, 8}, ArithmeticParams{});
    const int axes = runtime_.constant({2}, std::vector<int>{1, 2}, kTfLiteInt32);
    const int mean = layer(kTfLiteBuiltinMean, {sigmoid, axes}, {1, 8}, ArithmeticParams{});
    const int matrix = weights({8, 8}, 1, 0);
    densified_ = runtime_.tensor({8, 8}, kTfLiteInt8);
    runtime_.quantize(densified_, {0.25f}, {0});
    runtime_.node(kTfLiteBuiltinDensify, {matrix}, {densified_});
    const int row = layer(kTfLiteBuiltinFullyConnected, {mean, densified_, bias(8)}, {1, 8},
                          FullyConnectedParams{kTfLiteActNone, 0, false});
    runtime_.outputs = {layer(kTfLiteBuiltinSoftmax, {row}, {1, 8}, SoftmaxParams{1.0f})};
    encode(first, {{8, {}, {}}, {1, {}, {}}, {1, {}, {}}, compressed(8)});
    encode(matrix, {{8, {}, {}}, compressed(8)});
  }

  int densified() const { return densified_; }

  void damage(Bytes* bytes) {
    const int tensor = bytes->below(static_cast<int>(runtime_.context().tensors_size));
    switch (bytes->below(6)) {
      case 0:
        return bytes->chance(128) ? scales(tensor, bytes) : zero_points(tensor, bytes);
      case 1:
        runtime_[tensor].quantization = {};
        return;
      case 2: {
        constexpr int kTypes[] = {kTfLiteInt8, kTfLiteUInt8, kTfLiteInt16, kTfLiteFloat32};
        runtime_[tensor].type = kTypes[bytes->below(4)];
        return;
      }
      case 3:
        if (runtime_[tensor].allocation_type == kTfLiteMmapRo && runtime_[tensor].bytes > 0) {
          runtime_[tensor].bytes -= 1;
        }
        return;
      default:
        return lie(bytes);
    }
  }

 private:
  struct Encoding {
    int tensor;
    std::vector<FakeLevel> levels;
  };

  int activation(const std::vector<int>& shape) {
    const int tensor = runtime_.tensor(shape, kTfLiteInt8);
    runtime_.quantize(tensor, {0.25f}, {-3});
    return tensor;
  }

  template <class Params>
  int layer(int code, const std::vector<int>& inputs, const std::vector<int>& shape,
            const Params& params) {
    const int output = activation(shape);
    runtime_.node(code, inputs, {output}, params);
    return output;
  }

  int weights(const std::vector<int>& shape, int scales, int axis) {
    std::size_t count = 1;
    for (int size : shape) count *= size;
    const std::vector<std::int8_t> codes(count, 9);
    const int tensor = runtime_.constant(shape, codes, kTfLiteInt8);
    const std::vector<float> values(scales, 0.25f);
    runtime_.quantize(tensor, values, std::vector<int>(scales, 0), axis);
    return tensor;
  }

  int bias(int count) {
    return runtime_.constant({count}, std::vector<int>(count, 5), kTfLiteInt32);
  }

  // Every second index of eight rows.
  static FakeLevel compressed(int rows) {
    FakeLevel level{0, {0}, {}};
    for (int row = 0; row < rows; ++row) {
      for (int i = row % 2; i < 8; i += 2) level.indices.push_back(i);
      level.segments.push_back(static_cast<int>(level.indices.size()));
    }
    return level;
  }

  void encode(int tensor, const std::vector<FakeLevel>& levels) {
    std::vector<int> order;
    for (std::size_t i = 0; i < levels.size(); ++i) order.push_back(static_cast<int>(i));
    runtime_.encode(tensor, order, {}, levels);
    runtime_[tensor].bytes = levels.back().indices.size();
    encodings_.push_back({tensor, levels});
  }

  void scales(int tensor, Bytes* bytes) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    constexpr float kBad[] = {0.0f,  -1.0f, 1e-40f,    1e38f,
                              1e-9f, 1e9f,  kInfinity, std::numeric_limits<float>::quiet_NaN()};
    const int count = bytes->below(10);
    std::vector<float> values(count, 0.25f);
    if (count > 0) values[bytes->below(count)] = kBad[bytes->below(std::size(kBad))];
    runtime_.quantize(tensor, values, std::vector<int>(count, 0), bytes->number(4));
  }

  void zero_points(int tensor, Bytes* bytes) {
    const int count = bytes->below(10);
    const std::vector<float> values(bytes->chance(230) ? count : bytes->below(10), 0.25f);
    runtime_.quantize(tensor, values, bytes->numbers(count, 200), bytes->number(4));
  }

  // Changes one number of a sparse encoding, or leaves the last one out.
  void lie(Bytes* bytes) {
    const Encoding& known = encodings_[bytes->below(static_cast<int>(encodings_.size()))];
    std::vector<FakeLevel> levels = known.levels;
    FakeLevel& level = levels[bytes->below(static_cast<int>(levels.size()))];
    std::vector<int>& numbers = bytes->chance(128) ? level.segments : level.indices;
    if (numbers.empty()) {
      level.dense_size = bytes->number(10);
    } else if (bytes->chance(200)) {
      numbers[bytes->below(static_cast<int>(numbers.size()))] = bytes->number(10);
    } else {
      numbers.pop_back();
    }
    std::vector<int> order =
        bytes->chance(200) ? std::vector<int>{0, 1, 2, 3} : bytes->numbers(bytes->below(6), 5);
    if (known.levels.size() < order.size() && bytes->chance(200)) order.resize(known.levels.size());
    runtime_.encode(known.tensor, order, bytes->numbers(bytes->below(8) / 6, 4), levels);
  }

  FakeRuntime& runtime_;
  std::vector<Encoding> encodings_;
  int densified_ = -1;
};

bool is_sound(const TfLiteTensor& tensor) {
  const auto* quantization =
      static_cast<const TfLiteAffineQuantization*>(tensor.quantization.params);
  if (quantization == nullptr || quantization->scale->size < 1) return false;
  const int count = quantization->scale->size;
  if (quantization->zero_point->size != count) return false;
  const bool is_constant = tensor.allocation_type == kTfLiteMmapRo;
  if (!is_constant && count > 1) return false;
  for (int i = 0; i < count; ++i) {
    const float scale = quantization->scale->data[i];
    const int zero_point = quantization->zero_point->data[i];
    if (!std::isfinite(scale) || scale <= 0 || zero_point < -128 || zero_point > 127) return false;
  }
  return true;
}

// Whether all int8 tensors that a node computes with are sound. A weighted layer uses the scales of
// the stored constant, not those of the output of DENSIFY.
bool is_sound(FakeRuntime* runtime, int densified, int id) {
  TfLiteNode* node = nullptr;
  TfLiteRegistration* registration = nullptr;
  runtime->context().GetNodeAndRegistration(&runtime->context(), id, &node, &registration);
  if (registration->builtin_code == kTfLiteBuiltinDensify) return true;  // copies numbers
  std::vector<int> tensors = values_of(node->inputs);
  for (int output : values_of(node->outputs)) tensors.push_back(output);
  for (int tensor : tensors) {
    const TfLiteTensor& known = (*runtime)[tensor];
    if (tensor != densified && known.type == kTfLiteInt8 && !is_sound(known)) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const DelegatePtr delegate = make_delegate();
  FakeRuntime runtime(1);
  Model model(&runtime);
  const int nodes = runtime.left();  // before any is taken
  for (int i = size > 0 ? 1 + bytes.below(3) : 0; i > 0; --i) model.damage(&bytes);
  if (runtime.apply(delegate.get()) != kTfLiteOk) {
    require(runtime.error().rfind("tfsparse: ", 0) == 0);
    return 0;
  }
  if (size == 0) require(runtime.left() == 0);
  for (int node = 0; node < nodes; ++node) {
    require(runtime.is_left(node) || is_sound(&runtime, model.densified(), node));
  }
  if (runtime.allocate() == kTfLiteOk) runtime.invoke();
  return 0;
}
