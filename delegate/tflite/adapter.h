// Reads a TFLite model into the core's graph.
#pragma once

#include "delegate/core/graph/graph.h"
#include "delegate/tflite/abi.h"

namespace tfsparse {

// Fails if the runtime's structures do not match abi.h, as in a later or another runtime. Nothing
// of such a context may be used, not even to report the error.
Status check_runtime(const TfLiteContext& context);

// Reads the whole execution plan. Operators that the core does not have become Unsupported. The
// model keeps ownership of the constants' memory.
Status read_graph(TfLiteContext* context, Graph* graph);

// Extracts the nodes numbered `ids` with the tensors that they use, and the given inputs and
// outputs. Weights and biases become the stored constants, so DENSIFY and DEQUANTIZE are left out.
Graph extract(const Graph& graph, const GraphIndex& index, const std::vector<int>& ids,
              const std::vector<int>& inputs, const std::vector<int>& outputs);

std::vector<int> to_vector(const TfLiteIntArray* array);

// A vector with the memory layout of TfLiteIntArray: {size, data...}.
class IntArray {
 public:
  explicit IntArray(const std::vector<int>& values) : storage_{static_cast<int>(values.size())} {
    storage_.insert(storage_.end(), values.begin(), values.end());
  }
  const TfLiteIntArray* get() const {
    return reinterpret_cast<const TfLiteIntArray*>(storage_.data());
  }

 private:
  std::vector<int> storage_;
};

}  // namespace tfsparse
