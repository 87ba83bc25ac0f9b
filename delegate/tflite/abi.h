// The part of TFLite's C ABI that a delegate uses, declared here so that nothing must be installed
// or linked: the runtime passes function pointers. Names and layout are those of TFLite's
// lite/core/c/common.h. Unused fields are reserved. Parameters of operators are in operators/. The
// asserts check the layout measured in 64-bit runtimes.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct TfLiteContext;
struct TfLiteDelegate;
struct TfLiteNode;

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1, kTfLiteDelegateError = 2 };

enum TfLiteType {
  kTfLiteFloat32 = 1,
  kTfLiteInt32 = 2,
  kTfLiteUInt8 = 3,
  kTfLiteInt64 = 4,
  kTfLiteInt16 = 7,
  kTfLiteInt8 = 9,
  kTfLiteFloat16 = 10,
};

enum TfLiteAllocationType { kTfLiteMmapRo = 1, kTfLiteDynamic = 4 };

enum TfLiteDelegateFlags { kTfLiteDelegateFlagsAllowDynamicTensors = 1 };

struct TfLiteIntArray {
  int size;
  int data[1];  // `size` of them
};

struct TfLiteDimensionMetadata {
  int format;  // 0 dense, 1 compressed (CSR)
  int dense_size;
  TfLiteIntArray* array_segments;
  TfLiteIntArray* array_indices;
};

struct TfLiteSparsity {
  TfLiteIntArray* traversal_order;
  TfLiteIntArray* block_map;
  TfLiteDimensionMetadata* dim_metadata;
  int dim_metadata_size;
};

struct TfLiteFloatArray {
  int size;
  float data[1];  // `size` of them
};

// TfLiteQuantization::params for kTfLiteAffineQuantization.
struct TfLiteAffineQuantization {
  TfLiteFloatArray* scale;
  TfLiteIntArray* zero_point;
  std::int32_t quantized_dimension;
};

enum TfLiteQuantizationType { kTfLiteAffineQuantization = 1 };

struct TfLiteTensor {
  int type;
  void* data;
  TfLiteIntArray* dims;
  float scale;
  std::int32_t zero_point;
  int allocation_type;
  std::size_t bytes;
  const void* allocation;
  const char* name;
  TfLiteDelegate* delegate;
  int buffer_handle;
  bool data_is_stale;
  bool is_variable;
  struct {
    int type;
    void* params;
  } quantization;
  TfLiteSparsity* sparsity;
  const TfLiteIntArray* dims_signature;
};

struct TfLiteNode {
  TfLiteIntArray* inputs;
  TfLiteIntArray* outputs;
  TfLiteIntArray* intermediates;
  TfLiteIntArray* temporaries;
  void* user_data;
  void* builtin_data;
  const void* custom_initial_data;
  int custom_initial_data_size;
  TfLiteDelegate* delegate;
  bool might_have_side_effect;
};

// Passed by value. Its size differs between versions, so zero all of it.
struct TfLiteRegistration {
  void* (*init)(TfLiteContext*, const char* buffer, std::size_t length);
  void (*free)(TfLiteContext*, void* user_data);
  TfLiteStatus (*prepare)(TfLiteContext*, TfLiteNode*);
  TfLiteStatus (*invoke)(TfLiteContext*, TfLiteNode*);
  const char* (*profiling_string)(const TfLiteContext*, const TfLiteNode*);
  std::int32_t builtin_code;
  const char* custom_name;
  int version;
  void* registration_external;
  void* async_kernel;
  std::uint64_t inplace_operator;
};

struct TfLiteDelegateParams {
  TfLiteDelegate* delegate;
  TfLiteIntArray* nodes_to_replace;
  TfLiteIntArray* input_tensors;
  TfLiteIntArray* output_tensors;
};

struct TfLiteContext {
  std::size_t tensors_size;
  // The array is valid until the next call of any function of the context.
  TfLiteStatus (*GetExecutionPlan)(TfLiteContext*, TfLiteIntArray**);
  TfLiteTensor* tensors;
  void* impl_;
  TfLiteStatus (*ResizeTensor)(TfLiteContext*, TfLiteTensor*, TfLiteIntArray* owned_by_callee);
  void (*ReportError)(TfLiteContext*, const char* format, ...);
  void* AddTensors;
  TfLiteStatus (*GetNodeAndRegistration)(TfLiteContext*, int node, TfLiteNode**,
                                         TfLiteRegistration**);
  TfLiteStatus (*ReplaceNodeSubsetsWithDelegateKernels)(TfLiteContext*, TfLiteRegistration,
                                                        const TfLiteIntArray*, TfLiteDelegate*);
  int recommended_num_threads;
  void* GetExternalContext;
  void* SetExternalContext;
  bool allow_fp32_relax_to_fp16;
  void* profiler;
  void* AllocatePersistentBuffer;
  void* AllocateBufferForEval;
  void* RequestScratchBufferInArena;
  void* GetScratchBuffer;
  void* ResizeTensorExplicit;
  TfLiteStatus (*PreviewDelegatePartitioning)(TfLiteContext*, const TfLiteIntArray*,
                                              TfLiteDelegateParams**, int* count);
  void* GetTensor;
  void* GetEvalTensor;
  void* GetModelMetadata;
  void* AcquireSubgraphContext;
  void* ReleaseSubgraphContext;
};

struct TfLiteDelegate {
  void* data_;
  TfLiteStatus (*Prepare)(TfLiteContext*, TfLiteDelegate*);
  void* CopyFromBufferHandle;
  void* CopyToBufferHandle;
  void* FreeBufferHandle;
  std::int64_t flags;
  void* opaque_delegate_builder;
};

}  // extern "C"

static_assert(sizeof(void*) != 8 || sizeof(TfLiteTensor) == 112, "TFLite's ABI");
static_assert(sizeof(void*) != 8 || offsetof(TfLiteTensor, sparsity) == 96, "TFLite's ABI");
static_assert(sizeof(void*) != 8 || sizeof(TfLiteNode) == 80, "TFLite's ABI");
static_assert(sizeof(void*) != 8 || offsetof(TfLiteNode, builtin_data) == 40, "TFLite's ABI");
static_assert(sizeof(void*) != 8 || sizeof(TfLiteRegistration) == 88, "TFLite's ABI");
static_assert(sizeof(void*) != 8 || offsetof(TfLiteRegistration, builtin_code) == 40,
              "TFLite's ABI");
static_assert(sizeof(void*) != 8 || sizeof(TfLiteContext) == 200, "TFLite's ABI");
static_assert(sizeof(void*) != 8 || offsetof(TfLiteContext, PreviewDelegatePartitioning) == 152,
              "TFLite's ABI");
static_assert(sizeof(void*) != 8 || sizeof(TfLiteDelegate) == 56, "TFLite's ABI");
static_assert(sizeof(void*) != 8 || sizeof(TfLiteDimensionMetadata) == 24, "TFLite's ABI");
