/* The C API of tfsparse: its delegate, and the decoder of packed files at the end.
 *
 *   TfSparseDelegateOptions options = TfSparseDelegateOptionsDefault();
 *   options.num_threads = 2;
 *   TfLiteDelegate* delegate = TfSparseDelegateCreate(&options);
 *   TfLiteInterpreterOptionsAddDelegate(interpreter_options, delegate);
 *   ... create the interpreter, use it, delete it ...
 *   TfSparseDelegateDelete(delegate);
 *
 * Several interpreters may use one delegate, also at the same time. Delete it after all of them.
 * The functions may be called from any thread.
 */
#ifndef TFSPARSE_DELEGATE_H_
#define TFSPARSE_DELEGATE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TFSPARSE_EXPORT __attribute__((visibility("default")))
#else
#define TFSPARSE_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TFSPARSE_VERSION "0.1.0"

/* Defined in tensorflow/lite/c/common.h, which need not be included. */
struct TfLiteDelegate;

typedef struct TfSparseDelegateOptions {
  /* Threads that run a model, at most 256. Default: 0, as in the interpreter. */
  int num_threads;

  /* The instruction set of the kernels, such as "portable". The processor must support it. Default:
   * NULL, the fastest one. The string is copied. */
  const char* isa;

  /* Compute in float16 if the processor and the library support it. Default: false. */
  bool fp16;

  /* Run only those parts of a model that are predicted to be faster than with TFLite's default.
   * Default: true. If false, run all supported parts. */
  bool automatic;

  /* Time every step, and print the times to stderr when an interpreter is deleted. Default: false.
   */
  bool profile;

  /* Called with an error message before the creation returns NULL. The message is valid during the
   * call only. Default: NULL, errors are not reported. */
  void (*report_error)(void* user_data, const char* message);
  void* user_data;

  /* The path of the tuning cache: a text file of the parts of models to run, as measured by
   * TfSparseDelegateCreateTuned. For models without an entry, `automatic` applies. The file need
   * not exist. Default: NULL, no cache. This string and the two below are copied. */
  const char* tuning;

  /* TFLite's name and version, such as "TFLite 2.17.0". An entry of the tuning cache applies to one
   * version. Default: NULL, the same as "". */
  const char* runtime_version;

  /* The shapes to which inputs will be resized: "1x320x320x3" of an only input, or by the names of
   * tensors "a=1x320x320x3,b=1x2". `automatic` decides for them, and an entry of the tuning cache
   * applies to one set of shapes. A model that has no tensor of a name, or another number of sizes,
   * is refused when the delegate is applied to it. Default: NULL, the same as "": the shapes in the
   * model's file. */
  const char* input_shapes;
} TfSparseDelegateOptions;

/* The default options. Always start from these, as fields may be added. */
TFSPARSE_EXPORT TfSparseDelegateOptions TfSparseDelegateOptionsDefault(void);

/* Returns a new delegate, or NULL if an option is invalid. Copies the options. NULL stands for the
 * default options. */
TFSPARSE_EXPORT struct TfLiteDelegate* TfSparseDelegateCreate(
    const TfSparseDelegateOptions* options);

/* Runs a model for TfSparseDelegateCreateTuned, which calls all functions on its thread. */
typedef struct TfSparseTuneHost {
  /* Creates an interpreter of the model with this delegate, or without one if NULL, and with the
   * app's number of threads. Allocates its tensors and fills the inputs. Returns any pointer that
   * identifies the interpreter, or NULL on failure. Up to three are open at a time. */
  void* (*open)(void* user_data, struct TfLiteDelegate* delegate);
  /* Runs one inference. Returns 0 on success. */
  int (*invoke)(void* user_data, void* interpreter);
  /* Deletes an interpreter, but not its delegate. */
  void (*close)(void* user_data, void* interpreter);
  void* user_data;
} TfSparseTuneHost;

typedef struct TfSparseTuneResult {
  /* Whether this call measured. If not, the cache had an entry or the model has no parts. */
  bool measured;
  /* Whether the tuning cache has an entry now: false without a cache, without parts, or if the file
   * could not be written. */
  bool saved;
  /* The number of connected parts of the model that tfsparse supports, and that it runs. */
  int parts, parts_taken;
  /* Median latencies in seconds: of TFLite's default, and of tfsparse with the parts that it runs,
   * or with all parts if it runs none. 0 if not measured. */
  double default_seconds, tfsparse_seconds;
} TfSparseTuneResult;

/* As TfSparseDelegateCreate, but measures which parts of the model to run. TFLite's default and
 * tfsparse run alternately, part by part, mostly for a few seconds. The delegate then runs what was
 * clearly faster. The decision is stored in the file options->tuning, if set. Later calls of this
 * function and of TfSparseDelegateCreate follow it without measuring, as long as model, threads,
 * processor, instruction set and versions are the same. Failure to write the file is not an error.
 * options->automatic is ignored.
 *
 * Returns NULL if an option is invalid or a function of the host failed, after calling
 * report_error. `result` may be NULL. */
TFSPARSE_EXPORT struct TfLiteDelegate* TfSparseDelegateCreateTuned(
    const TfSparseDelegateOptions* options, const TfSparseTuneHost* host,
    TfSparseTuneResult* result);

/* Deletes a delegate. NULL is allowed. */
TFSPARSE_EXPORT void TfSparseDelegateDelete(struct TfLiteDelegate* delegate);

/* Archives of `tfsparse.pack`, to be unpacked once, when an app is installed:
 *
 *   uint64_t size;
 *   if (!TfSparseUnpackedSize(archive, archive_size, &size, NULL, NULL)) return;
 *   void* model = malloc(size);
 *   if (TfSparseUnpack(archive, archive_size, model, size, NULL, NULL)) ... write it to a file ...
 *
 * Both return false for an archive that is damaged, after calling report_error, which may be NULL,
 * with the reason. The message is valid during the call only. */

/* Sets the size in bytes of the .tflite file that an archive holds. Reads the whole archive, for
 * its checksum. */
TFSPARSE_EXPORT bool TfSparseUnpackedSize(const void* archive, size_t archive_size, uint64_t* size,
                                          void (*report_error)(void* user_data,
                                                               const char* message),
                                          void* user_data);

/* Writes that file to memory, whose `size` must be that of TfSparseUnpackedSize. After an error the
 * content of the memory is undefined. */
TFSPARSE_EXPORT bool TfSparseUnpack(const void* archive, size_t archive_size, void* file,
                                    size_t size,
                                    void (*report_error)(void* user_data, const char* message),
                                    void* user_data);

#ifdef __cplusplus
}
#endif

#endif /* TFSPARSE_DELEGATE_H_ */
