/* Runs a model once with the delegate, in C from main to end:
 *   host MODEL INPUT OUTPUT THREADS ISA PRECISION
 * INPUT and OUTPUT are files of the floats of the model's one input and one output, PRECISION is
 * fp32 or fp16. What the delegate took is written to stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delegate/tfsparse_delegate.h"
#include "tensorflow/lite/c/c_api.h"

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

int main(int argc, char** argv) {
  check(argc == 7, "MODEL INPUT OUTPUT THREADS ISA PRECISION");
  TfSparseDelegateOptions ours = TfSparseDelegateOptionsDefault();
  ours.isa = argv[5][0] != '\0' ? argv[5] : NULL;
  ours.fp16 = strcmp(argv[6], "fp16") == 0;
  ours.automatic = false;
  ours.profile = true;
  ours.report_error = report;
  TfLiteDelegate* delegate = TfSparseDelegateCreate(&ours);
  check(delegate != NULL, "TfSparseDelegateCreate");

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
  TfSparseDelegateDelete(delegate);
  puts(TfLiteVersion());
  return 0;
}
