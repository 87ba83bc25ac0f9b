/* Runs a model once with a delegate, in C from main to end:
 *   host MODEL INPUT OUTPUT THREADS ISA DELEGATE
 * INPUT and OUTPUT are files of the floats of the model's one input and one output, DELEGATE is
 * fp32 or fp16 for ours, which writes to stderr what it took, or xnnpack for the one that Android's
 * Java loads by default.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delegate/tfsparse_delegate.h"
#include "tensorflow/lite/c/c_api.h"

/* TFLite's, whose headers are not in the package. */
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

int main(int argc, char** argv) {
  check(argc == 7, "MODEL INPUT OUTPUT THREADS ISA DELEGATE");
  const int xnnpack = strcmp(argv[6], "xnnpack") == 0;
  TfLiteDelegate* delegate = xnnpack ? TfLiteXNNPackDelegateCreate(NULL) : ours(argv[5], argv[6]);
  check(delegate != NULL, "creating the delegate");

  TfLiteModel* model = TfLiteModelCreateFromFile(argv[1]);
  check(model != NULL, "TfLiteModelCreateFromFile");
  TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
  TfLiteInterpreterOptionsSetNumThreads(options, atoi(argv[4]));
  TfLiteInterpreterOptionsAddDelegate(options, delegate);
  TfLiteInterpreter* interpreter = TfLiteInterpreterCreate(model, options);
  check(interpreter != NULL, "TfLiteInterpreterCreate");
  check(TfLiteInterpreterAllocateTensors(interpreter) == kTfLiteOk, "AllocateTensors");
  transfer(argv[2], "rb", TfLiteInterpreterGetInputTensor(interpreter, 0));
  check(TfLiteInterpreterInvoke(interpreter) == kTfLiteOk, "Invoke");
  transfer(argv[3], "wb", TfLiteInterpreterGetOutputTensor(interpreter, 0));

  TfLiteInterpreterDelete(interpreter);
  TfLiteInterpreterOptionsDelete(options);
  TfLiteModelDelete(model);
  (xnnpack ? TfLiteXNNPackDelegateDelete : TfSparseDelegateDelete)(delegate);
  puts(TfLiteVersion());
  return 0;
}
