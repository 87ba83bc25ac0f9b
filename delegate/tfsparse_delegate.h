/* tfsparse's delegate for programs in C, and for whatever can call C.
 *
 *   TfSparseDelegateOptions options = TfSparseDelegateOptionsDefault();
 *   options.num_threads = 2;
 *   TfLiteDelegate* delegate = TfSparseDelegateCreate(&options);
 *   TfLiteInterpreterOptionsAddDelegate(interpreter_options, delegate);
 *   ... create the interpreter, use it, delete it ...
 *   TfSparseDelegateDelete(delegate);
 *
 * One delegate may serve several interpreters, also at the same time, and must be deleted after all
 * of them. The functions may be called from any thread.
 */
#ifndef TFSPARSE_DELEGATE_H_
#define TFSPARSE_DELEGATE_H_

#include <stdbool.h>

#if defined(__GNUC__)
#define TFSPARSE_EXPORT __attribute__((visibility("default")))
#else
#define TFSPARSE_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* TFLite's own, from tensorflow/lite/c/common.h, which need not be included. */
struct TfLiteDelegate;

typedef struct TfSparseDelegateOptions {
  /* Threads that run a model, at most 256. 0, the default, follows the interpreter. */
  int num_threads;

  /* The instruction set whose kernels are used, such as "portable"; it must be one that this
   * processor has. NULL, the default, stands for the fastest. Need not outlive the creation. */
  const char* isa;

  /* Compute in float16 where the processor and the library can, in float32 elsewhere. Default:
   * false.
   */
  bool fp16;

  /* Leave to TFLite's default what it is predicted to run about as fast or faster. Default: true.
   * With false, everything is taken that can be. */
  bool automatic;

  /* Time every step, and print the times to stderr when an interpreter is deleted. Default: false.
   */
  bool profile;

  /* Called with what is wrong with an option before the creation returns NULL. The text lives as
   * long as the call. NULL, the default: nobody is told. */
  void (*report_error)(void* user_data, const char* message);
  void* user_data;
} TfSparseDelegateOptions;

/* Always start from these: fields may be added. */
TFSPARSE_EXPORT TfSparseDelegateOptions TfSparseDelegateOptionsDefault(void);

/* A new delegate, or NULL if an option cannot be used. `options` may be NULL for the default ones;
 * they are copied. */
TFSPARSE_EXPORT struct TfLiteDelegate* TfSparseDelegateCreate(
    const TfSparseDelegateOptions* options);

/* Deletes what TfSparseDelegateCreate returned; NULL is fine. */
TFSPARSE_EXPORT void TfSparseDelegateDelete(struct TfLiteDelegate* delegate);

#ifdef __cplusplus
}
#endif

#endif /* TFSPARSE_DELEGATE_H_ */
