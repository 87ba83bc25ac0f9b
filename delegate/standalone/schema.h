// The part of TFLite's schema that is read: the fields of each table, as the schema counts them.
// TFLite only appends fields. Source: tflite/converter/schema/schema.fbs.
#pragma once

namespace tfsparse {
namespace schema {

constexpr char kIdentifier[] = "TFL3";

struct Model {
  enum { kVersion = 0, kOperatorCodes = 1, kSubgraphs = 2, kBuffers = 4 };
};
struct OperatorCode {
  enum { kDeprecatedCode = 0, kCustomCode = 1, kVersion = 2, kCode = 3 };
};
struct Subgraph {
  enum { kTensors = 0, kInputs = 1, kOutputs = 2, kOperators = 3 };
};
struct Operator {
  enum { kCodeIndex = 0, kInputs = 1, kOutputs = 2, kOptionsType = 3, kOptions = 4 };
};
struct Tensor {
  enum {
    kShape = 0,
    kType = 1,
    kBuffer = 2,
    kName = 3,
    kQuantization = 4,
    kIsVariable = 5,
    kSparsity = 6,
    kShapeSignature = 7,
    kExternalBuffer = 10,
  };
};
struct Buffer {
  enum { kData = 0, kOffset = 1, kSize = 2 };
};
struct Quantization {
  enum { kScale = 2, kZeroPoint = 3, kDetailsType = 4, kDimension = 6 };
};
struct Sparsity {
  enum { kTraversalOrder = 0, kBlockMap = 1, kDimensions = 2 };
};
struct Dimension {
  enum {
    kFormat = 0,
    kDenseSize = 1,
    kSegmentsType = 2,
    kSegments = 3,
    kIndicesType = 4,
    kIndices = 5,
  };
};
// The vectors of a Dimension, of which the types above tell one from another.
struct SparseIndices {
  enum { kInt32 = 1, kUInt16 = 2, kUInt8 = 3 };
  enum { kValues = 0 };
};

}  // namespace schema
}  // namespace tfsparse
