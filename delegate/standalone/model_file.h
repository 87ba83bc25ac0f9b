// Reads a .tflite file without TFLite, into the structs that TFLite shows to a delegate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "delegate/core/graph/status.h"
#include "delegate/standalone/flatbuffer.h"
#include "delegate/tflite/abi.h"

namespace tfsparse {

// The first subgraph of a file, which is the one that TFLite runs. Files are not trusted: whatever
// the bytes are, nothing outside them is read, and what is copied is bounded by their number.
class ModelFile {
 public:
  // `bytes` must outlive the result, whose constants point there. Fails if the file is damaged or
  // is none of TFLite's.
  static Status read(const void* bytes, std::size_t size, std::unique_ptr<ModelFile>* file);

  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  // For read_graph(). It has tensors, nodes and registrations, and no other function.
  TfLiteContext* context() { return &context_; }
  // Indices of tensors.
  const std::vector<int>& inputs() const { return inputs_; }
  const std::vector<int>& outputs() const { return outputs_; }

 private:
  struct Operator {
    TfLiteNode node;
    TfLiteRegistration registration;
    std::vector<std::int32_t> params;
  };

  ModelFile(const void* bytes, std::size_t size) : buffer_(bytes, size) {}

  Status read();
  Status read_operator_codes(const FlatTable& model);
  Status read_tensors(const FlatTable& model, const FlatTable& graph);
  Status read_tensor(const FlatTable& from, const FlatVector<FlatTable>& buffers, TfLiteTensor* to);
  Status read_data(const FlatTable& buffer, TfLiteTensor* to);
  Status read_operators(const FlatTable& graph);
  void read_quantization(const FlatTable& from, TfLiteTensor* to);
  void read_sparsity(const FlatTable& from, TfLiteTensor* to);
  TfLiteIntArray* read_indices(int type, const FlatTable& from);

  // Copies that live as long as this. Null or empty if the file shares so many vectors that it is
  // taken for a damaged one.
  template <class T>
  std::vector<int> copy(const FlatVector<T>& from);
  template <class T>
  TfLiteIntArray* keep(const FlatVector<T>& from);
  TfLiteFloatArray* keep(const FlatVector<float>& from);
  const char* keep(std::string text);
  bool affords(std::size_t elements);

  static TfLiteStatus get_plan(TfLiteContext* context, TfLiteIntArray** plan);
  static TfLiteStatus get_node(TfLiteContext* context, int index, TfLiteNode** node,
                               TfLiteRegistration** registration);

  FlatBuffer buffer_;
  std::uint64_t copied_ = 0;  // elements
  bool copies_too_much_ = false;

  std::vector<TfLiteRegistration> codes_;
  std::vector<TfLiteTensor> tensors_;
  std::vector<Operator> operators_;
  std::vector<int> inputs_, outputs_;
  TfLiteIntArray* plan_ = nullptr;
  TfLiteContext context_{};

  // What the structs point to.
  std::deque<std::vector<std::int32_t>> arrays_;
  std::deque<std::string> texts_;
  std::deque<TfLiteAffineQuantization> quantizations_;
  std::deque<TfLiteSparsity> sparsities_;
  std::deque<std::vector<TfLiteDimensionMetadata>> dimensions_;
};

}  // namespace tfsparse
