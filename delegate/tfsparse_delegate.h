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

#define TFSPARSE_VERSION "0.1.0"

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

  /* The tuning cache: a text file of which parts of a model to run, as TfSparseDelegateCreateTuned
   * measured. A model that it has an entry for is run accordingly, others as `automatic` says. The
   * file need not exist. NULL, the default: none is read. The texts need not outlive the creation.
   */
  const char* tuning;

  /* TFLite's name and version, such as "TFLite 2.17.0". An entry of the tuning cache is good for
   * one version. Default: NULL, as good as "". */
  const char* runtime_version;

  /* What the inputs are resized to, such as "1x320x320x3,1x2", where it is not what the model's
   * file has: entries of the tuning cache are then for these. Default: NULL, as good as "". */
  const char* input_shapes;
} TfSparseDelegateOptions;

/* Always start from these: fields may be added. */
TFSPARSE_EXPORT TfSparseDelegateOptions TfSparseDelegateOptionsDefault(void);

/* A new delegate, or NULL if an option cannot be used. `options` may be NULL for the default ones;
 * they are copied. */
TFSPARSE_EXPORT struct TfLiteDelegate* TfSparseDelegateCreate(
    const TfSparseDelegateOptions* options);

/* How TfSparseDelegateCreateTuned runs the model. All functions are called by its thread. */
typedef struct TfSparseTuneHost {
  /* Makes an interpreter of the model with this delegate added, or with none of ours for NULL, with
   * the threads that the app uses; allocates its tensors and fills the inputs. Returns it, or what
   * stands for it, or NULL if that failed. Up to three are open at a time. */
  void* (*open)(void* user_data, struct TfLiteDelegate* delegate);
  /* Runs one inference. Returns 0 if that succeeded. */
  int (*invoke)(void* user_data, void* interpreter);
  /* Deletes an interpreter. The delegate is deleted after it, not by the host. */
  void (*close)(void* user_data, void* interpreter);
  void* user_data;
} TfSparseTuneHost;

typedef struct TfSparseTuneResult {
  /* Whether something was measured now; otherwise the cache had the model, or it has no parts. */
  bool measured;
  /* Whether the tuning cache has it now: false without one or without parts, or if the file could
     not be written. */
  bool saved;
  /* Connected parts of the model that tfsparse can run, and how many of them it does. */
  int parts, parts_taken;
  /* Medians of an inference, in seconds: of TFLite's default, and of tfsparse with the parts that
   * it runs, or with all where it runs none. 0 if not measured. */
  double default_seconds, tfsparse_seconds;
} TfSparseTuneResult;

/* As TfSparseDelegateCreate, but what to run of the model is measured, not predicted: TFLite's
 * default and tfsparse run alternately, part by part where the model has several, mostly for a few
 * seconds. The delegate then runs what was clearly faster. The decision is kept in the file
 * options->tuning, if there is one, and followed without a measurement the next time, here and by
 * TfSparseDelegateCreate, as long as model, threads, processor, instruction set and versions are
 * the same. A file that cannot be written is no error. options->automatic plays no part.
 *
 * Returns NULL if an option cannot be used or a function of the host failed; report_error tells
 * which. `result` may be NULL. */
TFSPARSE_EXPORT struct TfLiteDelegate* TfSparseDelegateCreateTuned(
    const TfSparseDelegateOptions* options, const TfSparseTuneHost* host,
    TfSparseTuneResult* result);

/* Deletes what TfSparseDelegateCreate or TfSparseDelegateCreateTuned returned; NULL is fine. */
TFSPARSE_EXPORT void TfSparseDelegateDelete(struct TfLiteDelegate* delegate);

#ifdef __cplusplus
}
#endif

#endif /* TFSPARSE_DELEGATE_H_ */
