/* Runs a model once with a delegate, through C APIs only:
 *   host MODEL INPUT OUTPUT THREADS ISA DELEGATE
 * INPUT and OUTPUT are files with the floats of the model's input and output. DELEGATE is fp32 or
 * fp16 for tfsparse's delegate, which prints its profile to stderr; tuned:CACHE for the same with
 * autotuning; or xnnpack, the default on Android.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delegate/tfsparse_delegate.h"
#include "tensorflow/lite/c/c_api.h"

/* Declared in headers of TFLite that are not in the package. */
TfLiteDelegate* TfLiteXNNPackDelegateCreate(const void* options);
void TfLiteXNNPackDelegateDelete(TfLiteDelegate* delegate);

static void check(int passed, const char* what) {
  if (passed) return;
  fprintf(stderr, "host: %s failed\n", what);
  exit(1);
}

static void report(void* user_data, const char* message) {
  (void)user_data;
  fprintf(stderr, "host: %s\n", message);
}

static void transfer(const char* path, const char* mode, const TfLiteTensor* tensor) {
  FILE* file = fopen(path, mode);
  const size_t bytes = TfLiteTensorByteSize(tensor);
  check(file != NULL, path);
  void* data = TfLiteTensorData(tensor);
  check((mode[0] == 'r' ? fread(data, 1, bytes, file) : fwrite(data, 1, bytes, file)) == bytes,
        path);
  fclose(file);
}

static TfLiteDelegate* ours(const char* isa, const char* precision) {
  TfSparseDelegateOptions options = TfSparseDelegateOptionsDefault();
  options.isa = isa[0] != '\0' ? isa : NULL;
  options.fp16 = strcmp(precision, "fp16") == 0;
  options.automatic = false;
  options.profile = true;
  options.report_error = report;
  return TfSparseDelegateCreate(&options);
}

/* A model and the arguments to run it with. */
typedef struct App {
  const TfLiteModel* model;
  const char* input;
  int threads;
} App;

static void* open_interpreter(void* user_data, TfLiteDelegate* delegate) {
  const App* app = user_data;
  TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
  TfLiteInterpreterOptionsSetNumThreads(options, app->threads);
  if (delegate != NULL) TfLiteInterpreterOptionsAddDelegate(options, delegate);
  TfLiteInterpreter* interpreter = TfLiteInterpreterCreate(app->model, options);
  TfLiteInterpreterOptionsDelete(options);
  check(interpreter != NULL, "TfLiteInterpreterCreate");
  check(TfLiteInterpreterAllocateTensors(interpreter) == kTfLiteOk, "AllocateTensors");
  transfer(app->input, "rb", TfLiteInterpreterGetInputTensor(interpreter, 0));
  return interpreter;
}

static int invoke(void* user_data, void* interpreter) {
  (void)user_data;
  return TfLiteInterpreterInvoke(interpreter) == kTfLiteOk ? 0 : 1;
}

static void close_interpreter(void* user_data, void* interpreter) {
  (void)user_data;
  TfLiteInterpreterDelete(interpreter);
}

static TfLiteDelegate* tuned(const char* cache, App* app) {
  TfSparseDelegateOptions options = TfSparseDelegateOptionsDefault();
  options.tuning = cache;
  options.runtime_version = TfLiteVersion();
  options.report_error = report;
  const TfSparseTuneHost host = {open_interpreter, invoke, close_interpreter, app};
  TfSparseTuneResult result;
  TfLiteDelegate* delegate = TfSparseDelegateCreateTuned(&options, &host, &result);
  check(delegate != NULL, "TfSparseDelegateCreateTuned");
  fprintf(stderr, "%s, %s; %d part(s)\n", result.measured ? "measured" : "followed",
          result.saved ? "saved" : "not saved", result.parts);
  return delegate;
}

static TfLiteDelegate* make_delegate(const char* name, const char* isa, App* app) {
  if (strcmp(name, "xnnpack") == 0) return TfLiteXNNPackDelegateCreate(NULL);
  if (strncmp(name, "tuned:", 6) == 0) return tuned(name + 6, app);
  return ours(isa, name);
}

int main(int argc, char** argv) {
  check(argc == 7, "MODEL INPUT OUTPUT THREADS ISA DELEGATE");
  TfLiteModel* model = TfLiteModelCreateFromFile(argv[1]);
  check(model != NULL, "TfLiteModelCreateFromFile");
  App app = {model, argv[2], atoi(argv[4])};
  TfLiteDelegate* delegate = make_delegate(argv[6], argv[5], &app);
  check(delegate != NULL, "creating the delegate");

  TfLiteInterpreter* interpreter = open_interpreter(&app, delegate);
  check(TfLiteInterpreterInvoke(interpreter) == kTfLiteOk, "Invoke");
  transfer(argv[3], "wb", TfLiteInterpreterGetOutputTensor(interpreter, 0));

  TfLiteInterpreterDelete(interpreter);
  TfLiteModelDelete(model);
  const int xnnpack = strcmp(argv[6], "xnnpack") == 0;
  (xnnpack ? TfLiteXNNPackDelegateDelete : TfSparseDelegateDelete)(delegate);
  puts(TfLiteVersion());
  return 0;
}
