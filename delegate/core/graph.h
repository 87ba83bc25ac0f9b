// The part of a network that the delegate runs, in the delegate's own words: no TFLite type here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "delegate/core/shape.h"
#include "delegate/core/sparsity.h"
#include "delegate/core/status.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

enum class DType { kFloat32, kFloat16, kInt8, kUInt8, kInt16, kInt32, kInt64, kOther };

const char* to_string(DType type);

struct Tensor {
  std::string name;
  int id = -1;  // the caller's number
  DType type = DType::kOther;
  Shape shape;
  bool size_is_open = false;  // the caller may change the shape, or does not know it yet
  bool size_is_known = true;  // the shape is that of the inference at hand, not of the file
  // Of a constant: its stored values, owned by the model, and how they are encoded.
  const void* data = nullptr;
  std::size_t bytes = 0;
  std::shared_ptr<const SparseEncoding> sparsity;  // null where dense

  bool is_constant() const { return data != nullptr; }
};

enum class Op {
  kConv2D,
  kDepthwiseConv2D,
  kFullyConnected,
  kTransposeConv,
  kPad,
  kBinary,
  kUnary,
  kReduce,
  kPool,
  kResize,
  kReshape,
  kSqueeze,
  kExpandDims,
  kConcatenation,
  kSplit,  // one of its outputs: a SPLIT of n outputs is n nodes of one id
  kSlice,
  kTranspose,
  kSpaceToDepth,
  kDepthToSpace,
  kSoftmax,
  kShape,
  kStridedSlice,
  kPack,
  kDensify,
  kDequantize,
  kUnsupported,
};

enum class Padding { kSame, kValid };
enum class Reduction { kMean, kSum };

enum class Interpolation { kNearest, kBilinear };

// One operator. The fields below `epilogue` are those of the operators named beside them.
struct Node {
  Op op = Op::kUnsupported;
  std::string type;  // the operator's name in TFLite, for reports; may be unknown
  int code = -1;     // the caller's number for that operator
  // Indices of tensors, -1 for one left out. Of a transposed convolution the image, the weights,
  // the bias and the output's shape, in this order.
  std::vector<int> inputs;
  int output = -1;
  int id = -1;          // the caller's number
  std::string problem;  // why the caller could not express it; kUnsupported then

  Epilogue epilogue;

  Padding padding = Padding::kValid;  // convolutions, pooling
  int stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int pad_top = 0, pad_left = 0;  // set by infer_shapes
  Pooling pooling = Pooling::kAverage;
  int window_h = 1, window_w = 1;  // pooling
  Interpolation interpolation = Interpolation::kNearest;
  bool align_corners = false, half_pixel_centers = false;  // resizing
  Unary unary = Unary::kIdentity;
  Binary binary = Binary::kAdd;
  bool keep_dims = false;  // reduction, fully connected
  Reduction reduction = Reduction::kMean;
  std::vector<int> axes;    // reduction: set by infer_shapes; squeeze: none means every 1
  int axis = 0;             // concatenation
  int part = 0, parts = 1;  // split: which of how many outputs
  int block_size = 1;       // space to depth and back
  std::vector<int> order;   // transpose: of each dimension, the input's; set by infer_shapes
  // Of each dimension, where a slice begins in its input, or the input of a pad in its output; set
  // by infer_shapes.
  std::vector<int> begin;
  float beta = 1;   // softmax
  Shape new_shape;  // reshape without a second input
  int begin_mask = 0, end_mask = 0, shrink_axis_mask = 0, other_masks = 0;  // strided slice
  int residual = -1;  // a tensor that fusion has the convolution add to its output
};

struct Graph {
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;  // in an order in which they can run
  std::vector<int> inputs;
  std::vector<int> outputs;
};

// The values of a float constant as the dense, row-major tensor that it stands for. Follows a
// sparse encoding and widens float16. Fails where the stored bytes do not match shape and type.
Status read_floats(const Tensor& tensor, std::vector<float>* values);

// The bias of a layer with weights, its third input: zeros where it has none.
Status read_bias(const Graph& graph, const Node& node, int channels, std::vector<float>* bias);

// The values of a small int32 or int64 constant.
Status read_ints(const Tensor& tensor, std::vector<std::int64_t>* values);

// The weights of a convolution or a dense layer as [output, height, width, input].
Shape filter_shape(const Graph& graph, const Node& node);

// Whether a convolution makes each pixel of the input pixel in the same place. Needs the shapes
// that infer_shapes sets.
bool is_pointwise(const Graph& graph, const Node& conv);

// The input that holds the output's shape, which some models compute; -1 for none.
int shape_input(const Node& node);

// Whether a node only gives a tensor another shape.
bool is_reshape(const Node& node);

// Who makes and who reads the tensors of a graph, which may not change meanwhile.
class GraphIndex {
 public:
  explicit GraphIndex(const Graph& graph);

  // The index of the first node that makes a tensor, or -1.
  int maker(int tensor) const { return makers_[tensor]; }
  // The indices of the nodes that read a tensor.
  const std::vector<int>& readers(int tensor) const { return readers_[tensor]; }
  // The index of the first node with one of the caller's numbers; they follow each other. -1 for
  // none.
  int first_node(int id) const;

  // The constant behind a tensor: itself, or what DENSIFY and DEQUANTIZE make of it. Returns the
  // index of the stored constant, or -1 where there is none.
  int stored_constant(int tensor) const;

 private:
  const Graph& graph_;
  std::vector<int> makers_;
  std::vector<std::vector<int>> readers_;
  std::map<int, int> first_nodes_;  // by id
};

// The indices of all nodes with these of the caller's numbers, in their order.
std::vector<int> nodes_of(const Graph& graph, const GraphIndex& index, const std::vector<int>& ids);

}  // namespace tfsparse
