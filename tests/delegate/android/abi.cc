// Compares abi.h with the headers of an Android TFLite. Only compiled, never run.
#include <cstddef>
#include <cstdint>
#include <utility>

#include "tensorflow/lite/builtin_ops.h"
#include "tensorflow/lite/core/c/common.h"

// Both declare the same names, so abi.h is put into a namespace.
namespace ours {
#include "delegate/tflite/abi.h"
#include "delegate/tflite/builtin_operators.h"
}  // namespace ours

#define SAME_SIZE(type) static_assert(sizeof(ours::type) == sizeof(type), #type)
#define SAME_FIELD(type, field) SAME_FIELD_AS(type, field, field)
#define SAME_FIELD_AS(type, field, their_field)                                             \
  static_assert(offsetof(ours::type, field) == offsetof(type, their_field) &&               \
                    sizeof(ours::type::field) == sizeof(std::declval<type&>().their_field), \
                #type "." #field)
#define SAME_VALUE(name) static_assert(int{ours::name} == int{name}, #name)

SAME_FIELD(TfLiteIntArray, size);
static_assert(offsetof(ours::TfLiteIntArray, data) == offsetof(TfLiteIntArray, data));

SAME_SIZE(TfLiteDimensionMetadata);
SAME_FIELD(TfLiteDimensionMetadata, format);
SAME_FIELD(TfLiteDimensionMetadata, dense_size);
SAME_FIELD(TfLiteDimensionMetadata, array_segments);
SAME_FIELD(TfLiteDimensionMetadata, array_indices);

SAME_SIZE(TfLiteSparsity);
SAME_FIELD(TfLiteSparsity, traversal_order);
SAME_FIELD(TfLiteSparsity, block_map);
SAME_FIELD(TfLiteSparsity, dim_metadata);
SAME_FIELD(TfLiteSparsity, dim_metadata_size);

SAME_SIZE(TfLiteTensor);
SAME_FIELD(TfLiteTensor, type);
SAME_FIELD(TfLiteTensor, data);
SAME_FIELD(TfLiteTensor, dims);
SAME_FIELD_AS(TfLiteTensor, scale, params.scale);
SAME_FIELD_AS(TfLiteTensor, zero_point, params.zero_point);
SAME_FIELD(TfLiteTensor, allocation_type);
SAME_FIELD(TfLiteTensor, bytes);
SAME_FIELD(TfLiteTensor, allocation);
SAME_FIELD(TfLiteTensor, name);
SAME_FIELD(TfLiteTensor, delegate);
SAME_FIELD(TfLiteTensor, buffer_handle);
SAME_FIELD(TfLiteTensor, data_is_stale);
SAME_FIELD(TfLiteTensor, is_variable);
SAME_FIELD(TfLiteTensor, quantization);
SAME_FIELD(TfLiteTensor, sparsity);
SAME_FIELD(TfLiteTensor, dims_signature);

SAME_SIZE(TfLiteNode);
SAME_FIELD(TfLiteNode, inputs);
SAME_FIELD(TfLiteNode, outputs);
SAME_FIELD(TfLiteNode, intermediates);
SAME_FIELD(TfLiteNode, temporaries);
SAME_FIELD(TfLiteNode, user_data);
SAME_FIELD(TfLiteNode, builtin_data);
SAME_FIELD(TfLiteNode, custom_initial_data);
SAME_FIELD(TfLiteNode, custom_initial_data_size);
SAME_FIELD(TfLiteNode, delegate);
SAME_FIELD(TfLiteNode, might_have_side_effect);

SAME_SIZE(TfLiteRegistration);
SAME_FIELD(TfLiteRegistration, init);
SAME_FIELD(TfLiteRegistration, free);
SAME_FIELD(TfLiteRegistration, prepare);
SAME_FIELD(TfLiteRegistration, invoke);
SAME_FIELD(TfLiteRegistration, profiling_string);
SAME_FIELD(TfLiteRegistration, builtin_code);
SAME_FIELD(TfLiteRegistration, custom_name);
SAME_FIELD(TfLiteRegistration, version);
SAME_FIELD(TfLiteRegistration, registration_external);
SAME_FIELD(TfLiteRegistration, async_kernel);
SAME_FIELD(TfLiteRegistration, inplace_operator);

SAME_SIZE(TfLiteDelegateParams);
SAME_FIELD(TfLiteDelegateParams, delegate);
SAME_FIELD(TfLiteDelegateParams, nodes_to_replace);
SAME_FIELD(TfLiteDelegateParams, input_tensors);
SAME_FIELD(TfLiteDelegateParams, output_tensors);

SAME_SIZE(TfLiteContext);
SAME_FIELD(TfLiteContext, tensors_size);
SAME_FIELD(TfLiteContext, GetExecutionPlan);
SAME_FIELD(TfLiteContext, tensors);
SAME_FIELD(TfLiteContext, impl_);
SAME_FIELD(TfLiteContext, ResizeTensor);
SAME_FIELD(TfLiteContext, ReportError);
SAME_FIELD(TfLiteContext, AddTensors);
SAME_FIELD(TfLiteContext, GetNodeAndRegistration);
SAME_FIELD(TfLiteContext, ReplaceNodeSubsetsWithDelegateKernels);
SAME_FIELD(TfLiteContext, recommended_num_threads);
SAME_FIELD(TfLiteContext, GetExternalContext);
SAME_FIELD(TfLiteContext, SetExternalContext);
SAME_FIELD(TfLiteContext, allow_fp32_relax_to_fp16);
SAME_FIELD(TfLiteContext, profiler);
SAME_FIELD(TfLiteContext, AllocatePersistentBuffer);
SAME_FIELD(TfLiteContext, AllocateBufferForEval);
SAME_FIELD(TfLiteContext, RequestScratchBufferInArena);
SAME_FIELD(TfLiteContext, GetScratchBuffer);
SAME_FIELD(TfLiteContext, ResizeTensorExplicit);
SAME_FIELD(TfLiteContext, PreviewDelegatePartitioning);
SAME_FIELD(TfLiteContext, GetTensor);
SAME_FIELD(TfLiteContext, GetEvalTensor);
SAME_FIELD(TfLiteContext, GetModelMetadata);
SAME_FIELD(TfLiteContext, AcquireSubgraphContext);
SAME_FIELD(TfLiteContext, ReleaseSubgraphContext);

SAME_SIZE(TfLiteDelegate);
SAME_FIELD(TfLiteDelegate, data_);
SAME_FIELD(TfLiteDelegate, Prepare);
SAME_FIELD(TfLiteDelegate, CopyFromBufferHandle);
SAME_FIELD(TfLiteDelegate, CopyToBufferHandle);
SAME_FIELD(TfLiteDelegate, FreeBufferHandle);
SAME_FIELD(TfLiteDelegate, flags);
SAME_FIELD(TfLiteDelegate, opaque_delegate_builder);

SAME_VALUE(kTfLiteOk);
SAME_VALUE(kTfLiteError);
SAME_VALUE(kTfLiteDelegateError);
SAME_VALUE(kTfLiteFloat32);
SAME_VALUE(kTfLiteInt32);
SAME_VALUE(kTfLiteInt64);
SAME_VALUE(kTfLiteFloat16);
SAME_VALUE(kTfLiteMmapRo);
SAME_VALUE(kTfLiteDynamic);
SAME_VALUE(kTfLiteDelegateFlagsAllowDynamicTensors);
SAME_VALUE(kTfLiteBuiltinAdd);
SAME_VALUE(kTfLiteBuiltinAveragePool2d);
SAME_VALUE(kTfLiteBuiltinConcatenation);
SAME_VALUE(kTfLiteBuiltinConv2d);
SAME_VALUE(kTfLiteBuiltinDepthwiseConv2d);
SAME_VALUE(kTfLiteBuiltinDepthToSpace);
SAME_VALUE(kTfLiteBuiltinDequantize);
SAME_VALUE(kTfLiteBuiltinFullyConnected);
SAME_VALUE(kTfLiteBuiltinLogistic);
SAME_VALUE(kTfLiteBuiltinMaxPool2d);
SAME_VALUE(kTfLiteBuiltinMul);
SAME_VALUE(kTfLiteBuiltinRelu);
SAME_VALUE(kTfLiteBuiltinReluN1To1);
SAME_VALUE(kTfLiteBuiltinRelu6);
SAME_VALUE(kTfLiteBuiltinReshape);
SAME_VALUE(kTfLiteBuiltinResizeBilinear);
SAME_VALUE(kTfLiteBuiltinSoftmax);
SAME_VALUE(kTfLiteBuiltinSpaceToDepth);
SAME_VALUE(kTfLiteBuiltinTanh);
SAME_VALUE(kTfLiteBuiltinPad);
SAME_VALUE(kTfLiteBuiltinTranspose);
SAME_VALUE(kTfLiteBuiltinMean);
SAME_VALUE(kTfLiteBuiltinSub);
SAME_VALUE(kTfLiteBuiltinDiv);
SAME_VALUE(kTfLiteBuiltinSqueeze);
SAME_VALUE(kTfLiteBuiltinStridedSlice);
SAME_VALUE(kTfLiteBuiltinExp);
SAME_VALUE(kTfLiteBuiltinSplit);
SAME_VALUE(kTfLiteBuiltinPrelu);
SAME_VALUE(kTfLiteBuiltinMaximum);
SAME_VALUE(kTfLiteBuiltinMinimum);
SAME_VALUE(kTfLiteBuiltinNeg);
SAME_VALUE(kTfLiteBuiltinPadv2);
SAME_VALUE(kTfLiteBuiltinSlice);
SAME_VALUE(kTfLiteBuiltinTransposeConv);
SAME_VALUE(kTfLiteBuiltinExpandDims);
SAME_VALUE(kTfLiteBuiltinSum);
SAME_VALUE(kTfLiteBuiltinSqrt);
SAME_VALUE(kTfLiteBuiltinRsqrt);
SAME_VALUE(kTfLiteBuiltinShape);
SAME_VALUE(kTfLiteBuiltinPack);
SAME_VALUE(kTfLiteBuiltinSquare);
SAME_VALUE(kTfLiteBuiltinResizeNearestNeighbor);
SAME_VALUE(kTfLiteBuiltinLeakyRelu);
SAME_VALUE(kTfLiteBuiltinAbs);
SAME_VALUE(kTfLiteBuiltinSplitV);
SAME_VALUE(kTfLiteBuiltinElu);
SAME_VALUE(kTfLiteBuiltinHardSwish);
SAME_VALUE(kTfLiteBuiltinDensify);
SAME_VALUE(kTfLiteBuiltinGelu);
