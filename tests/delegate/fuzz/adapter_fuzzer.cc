// For any model, the delegate partitions, plans and runs it, or returns an error.
#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>

#include "tests/delegate/fuzz/bytes.h"
#include "tests/delegate/tflite/fake_runtime.h"
#include "tests/delegate/tflite/plugin.h"

using namespace tfsparse::testing;

namespace {

// Builtin operator codes that the delegate supports or may support.
constexpr int kCodes[] = {0,  1,  2,  3,  3,  3,  4,  4,  5,  6,  9,   9,   14,  17,  18,  19, 20,
                          21, 22, 23, 25, 26, 28, 34, 39, 40, 41, 42,  43,  45,  48,  49,  54, 55,
                          57, 67, 70, 74, 75, 77, 83, 92, 97, 98, 101, 111, 114, 114, 117, 124};
constexpr std::int64_t kMostElements = 1 << 20;

// Builds a model from bytes. Nodes read existing tensors or their own constants.
class Writer {
 public:
  Writer(Bytes* bytes, FakeRuntime* runtime) : bytes_(*bytes), runtime_(*runtime) {}

  // Returns false if valid sizes would be slow to run.
  bool write() {
    for (int i = bytes_.below(2); i >= 0; --i) activations_.push_back(activation());
    inputs_ = activations_;
    for (int i = bytes_.below(6); i >= 0; --i) add_node();
    for (int i = bytes_.below(3); i >= 0; --i) runtime_.outputs.push_back(any_activation());
    return !large_;
  }

  const std::vector<int>& inputs() const { return inputs_; }

 private:
  std::vector<int> shape(int usual_end) {
    const int rank = bytes_.chance(200) ? 4 : bytes_.below(8);
    std::vector<int> shape = bytes_.numbers(rank, usual_end);
    note_size(shape);
    return shape;
  }

  void note_size(const std::vector<int>& shape) {
    std::int64_t elements = 1;
    for (int size : shape)
      elements = size < 0 || elements < 0 || elements > 1 << 30 ? -1 : elements * size;
    large_ = large_ || elements > kMostElements;
  }

  // float32, or the model's usual type.
  int activation() {
    constexpr int kTypes[] = {kTfLiteInt8, kTfLiteInt8, kTfLiteInt8, kTfLiteUInt8, kTfLiteInt16};
    const int type = bytes_.chance(230) ? usual_type_ : kTypes[bytes_.below(5)];
    const int tensor = runtime_.tensor(shape(9), type);
    if (type != kTfLiteFloat32) quantize(tensor, bytes_.chance(245) ? 1 : bytes_.below(9));
    return tensor;
  }

  // Usually scales near 1 and zero points that fit, sometimes any.
  void quantize(int tensor, int count) {
    constexpr float kBad[] = {0.0f,
                              -1.0f,
                              1e-40f,
                              1e38f,
                              std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN()};
    std::vector<float> scales;
    for (int i = 0; i < count; ++i) {
      scales.push_back(bytes_.chance(250) ? 0.25f * (1 + bytes_.below(8)) : kBad[bytes_.below(6)]);
    }
    std::vector<int> zero_points(bytes_.chance(250) ? count : bytes_.below(9), 0);
    if (count == 1 && zero_points.size() == 1) zero_points[0] = bytes_.number(100);
    runtime_.quantize(tensor, scales, zero_points, bytes_.number(4));
  }

  int any_activation() {
    const int newest = static_cast<int>(activations_.size()) - 1;
    return activations_[bytes_.chance(160) ? newest : bytes_.below(newest + 1)];
  }

  int constant(int partner) {
    constexpr int kTypes[] = {kTfLiteFloat32, kTfLiteFloat32, kTfLiteFloat32, kTfLiteFloat16,
                              kTfLiteInt32,   kTfLiteInt32,   kTfLiteInt64,   kTfLiteInt8};
    constexpr int kInt8Types[] = {kTfLiteInt8,  kTfLiteInt8,  kTfLiteInt8,  kTfLiteInt8,
                                  kTfLiteInt32, kTfLiteInt32, kTfLiteInt64, kTfLiteFloat32};
    const int type = (usual_type_ == kTfLiteInt8 ? kInt8Types : kTypes)[bytes_.below(8)];
    std::vector<int> dims = shape(5);
    const std::vector<int> like = runtime_.shape(partner);
    if (!dims.empty() && !like.empty() && bytes_.chance(160)) dims.back() = like.back();
    note_size(dims);
    if (large_) return partner;
    std::int64_t count = 1;
    for (int size : dims) {
      if (count <= kMostElements) count *= std::max(size, 0);
    }
    if (count > kMostElements || bytes_.chance(16)) count = bytes_.below(64);
    const int index = values(type, dims, static_cast<std::size_t>(count));
    if (type == kTfLiteInt8) {
      const bool per_channel = bytes_.chance(128) && !dims.empty() && dims[0] > 0 && dims[0] < 64;
      quantize(index, per_channel ? dims[0] : 1);
    }
    if (bytes_.chance(64)) encode(index, static_cast<int>(dims.size()));
    return index;
  }

  int values(int type, const std::vector<int>& dims, std::size_t count) {
    const std::size_t used = std::min<std::size_t>(count, 64);  // the rest is zero
    if (type == kTfLiteFloat32) {
      std::vector<float> floats(count, 0.0f);
      for (std::size_t i = 0; i < used; ++i) floats[i] = 0.5f * bytes_.below(4);
      return runtime_.constant(dims, floats, type);
    }
    if (type == kTfLiteInt64) {
      std::vector<std::int64_t> wide(count, 0);
      for (std::size_t i = 0; i < used; ++i) {
        wide[i] = std::int64_t{bytes_.number(6)} * (std::int64_t{1} << bytes_.below(8));
      }
      return runtime_.constant(dims, wide, type);
    }
    if (type == kTfLiteInt8) {
      std::vector<std::int8_t> codes(count, 0);
      for (std::size_t i = 0; i < used; ++i) codes[i] = static_cast<std::int8_t>(bytes_.byte());
      return runtime_.constant(dims, codes, type);
    }
    std::vector<int> ints(count, 0);
    for (std::size_t i = 0; i < used; ++i) ints[i] = bytes_.number(6);
    const std::size_t size = type == kTfLiteFloat16 ? 2 : 4;
    return runtime_.constant(dims, ints.data(), size * count, type);
  }

  void encode(int tensor, int rank) {
    const std::vector<int> block_map = bytes_.numbers(bytes_.below(3), 4);
    std::vector<int> order = bytes_.numbers(rank + static_cast<int>(block_map.size()), 5);
    if (bytes_.chance(200)) {
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    }
    std::vector<FakeLevel> levels;
    for (std::size_t i = 0; i < order.size(); ++i) {
      FakeLevel level{bytes_.number(5), {}, {}};
      if (bytes_.chance(100)) {
        level.segments = bytes_.numbers(bytes_.below(6), 4);
        level.indices = bytes_.numbers(bytes_.below(8), 4);
      }
      levels.push_back(level);
    }
    runtime_.encode(tensor, order, block_map, levels);
  }

  void add_node() {
    const int code = bytes_.chance(240) ? kCodes[bytes_.below(std::size(kCodes))] : bytes_.byte();
    std::vector<int> inputs;
    for (int i = bytes_.below(4); i >= 0; --i) {
      const int x = any_activation();
      if (bytes_.chance(6)) {
        inputs.push_back(bytes_.number(12) - 1);
      } else if (inputs.empty() || bytes_.chance(64)) {
        inputs.push_back(x);
      } else {
        inputs.push_back(constant(inputs.front() >= 0 ? x : activations_.front()));
      }
    }
    std::vector<int> outputs;
    for (int i = bytes_.chance(230) ? 0 : bytes_.below(3); i >= 0; --i) {
      const bool made_before = bytes_.chance(6);
      outputs.push_back(made_before ? any_activation() : activation());
    }
    activations_.insert(activations_.end(), outputs.begin(), outputs.end());
    const std::vector<int> params = bytes_.numbers(16, 4);
    runtime_.node(code, inputs, outputs, bytes_.chance(250) ? params.data() : nullptr,
                  params.size() * sizeof(int));
  }

  Bytes& bytes_;
  FakeRuntime& runtime_;
  const int usual_type_ = bytes_.chance(128) ? kTfLiteInt8 : kTfLiteFloat32;
  std::vector<int> inputs_, activations_;
  bool large_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const DelegatePtr delegate = make_delegate();
  FakeRuntime runtime(1 + bytes.chance(32));
  Writer writer(&bytes, &runtime);
  if (!writer.write() || runtime.apply(delegate.get()) != kTfLiteOk) return 0;
  if (runtime.allocate() == kTfLiteOk) runtime.invoke();
  const int resized = writer.inputs().front();
  runtime.resize(resized, bytes.numbers(static_cast<int>(runtime.shape(resized).size()), 12));
  if (runtime.allocate() == kTfLiteOk) runtime.invoke();
  return 0;
}
