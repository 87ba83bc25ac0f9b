// From TFLite's view of a model to the core's graph.
#pragma once

#include "delegate/core/graph/graph.h"
#include "delegate/tflite/abi.h"

namespace tfsparse {

// Fails where the runtime's structures do not look like those of abi.h: a later or foreign runtime
// may have moved fields. Nothing of such a context may be used, not even to report this.
Status check_runtime(const TfLiteContext& context);

// Describes the whole execution plan. Operators that the core does not have become Unsupported. The
// graph borrows the constants' memory from the model.
Status read_graph(TfLiteContext* context, Graph* graph);

// The nodes numbered `ids`, as a graph of their own with the given inputs and outputs and no tensor
// but those that it uses. Weights and biases point straight to what is stored, so DENSIFY and
// DEQUANTIZE are left out.
Graph extract(const Graph& graph, const GraphIndex& index, const std::vector<int>& ids,
              const std::vector<int>& inputs, const std::vector<int>& outputs);

std::vector<int> to_vector(const TfLiteIntArray* array);

// A TfLiteIntArray over a vector's memory: {size, data...}.
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
