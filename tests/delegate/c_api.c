/* The C API in a C program, without a runtime. */
#include <stdio.h>
#include <string.h>

#include "delegate/tfsparse_delegate.h"

static int failures = 0;

static void check(bool passed, const char* what) {
  if (passed) return;
  ++failures;
  fprintf(stderr, "failed: %s\n", what);
}

static void keep_error(void* user_data, const char* message) {
  snprintf((char*)user_data, 200, "%s", message);
}

static void check_refused(const TfSparseDelegateOptions* options, const char* expected) {
  check(TfSparseDelegateCreate(options) == NULL, expected);
  if (options->report_error != NULL) check(strstr(options->user_data, expected) != NULL, expected);
}

static void* open_nothing(void* user_data, struct TfLiteDelegate* delegate) {
  *(int*)user_data += delegate != NULL;
  return NULL;
}
static int invoke_nothing(void* user_data, void* interpreter) {
  return user_data != NULL || interpreter != NULL;
}
static void close_nothing(void* user_data, void* interpreter) {
  check(user_data == NULL && interpreter == NULL, "nothing was opened");
}

/* The functions of a host, and the report of their failures. */
static void check_tuning(TfSparseDelegateOptions options) {
  int opened = 0;
  TfSparseTuneResult result;
  const TfSparseTuneHost host = {open_nothing, invoke_nothing, close_nothing, &opened};
  check(options.tuning == NULL && options.runtime_version == NULL && options.input_shapes == NULL,
        "no tuning cache by default");
  options.tuning = "/no/such/folder/tuning.txt";
  check(TfSparseDelegateCreateTuned(&options, &host, &result) == NULL, "a host that fails");
  check(opened == 1, "the host was asked once");
  check(strstr(options.user_data, "the host could not open the model") != NULL, "the reason");
}

/* An archive of a file of three bytes, which are stored as they are. */
static void check_unpacking(char* error) {
  static const unsigned char archive[] = {'T', 'F', 'S', 'P', 'A', 'C', 'K',  '1',  3,    0,
                                          0,   0,   0,   0,   0,   0,   0x46, 0xba, 0xbd, 0x4d,
                                          0,   0,   3,   'T', 'F', 'L', 0xfa, 0xd5, 0x2e, 0xe5};
  char file[3];
  uint64_t size = 0;
  check(TfSparseUnpackedSize(archive, sizeof archive, &size, keep_error, error), error);
  check(size == 3, "its size");
  check(TfSparseUnpack(archive, sizeof archive, file, 3, NULL, NULL), "whom errors are told to");
  check(memcmp(file, "TFL", 3) == 0, "its content");
  check(!TfSparseUnpack(archive, sizeof archive, file, 2, keep_error, error), "too little memory");
  check(strstr(error, "expected memory for the 3 bytes") != NULL, error);
  check(!TfSparseUnpackedSize(archive, sizeof archive - 1, &size, keep_error, error), "cut short");
  check(strstr(error, "tfsparse: the archive is damaged") != NULL, error);
  check(!TfSparseUnpackedSize(NULL, 0, &size, NULL, NULL), "nothing");
}

int main(void) {
  char error[200] = "";
  TfSparseDelegateOptions options = TfSparseDelegateOptionsDefault();
  struct TfLiteDelegate* usual = TfSparseDelegateCreate(NULL);
  check(options.num_threads == 0 && options.isa == NULL && options.automatic && !options.profile,
        "the documented defaults");
  check(usual != NULL, "no options are the default ones");

  options.num_threads = -1;
  check_refused(&options, "without anybody to tell");
  options.report_error = keep_error;
  options.user_data = error;
  check_refused(&options, "option num_threads: expected a number from 0");
  options.num_threads = 2;
  options.isa = "abacus";
  check_refused(&options, "received 'abacus'");

  options.isa = NULL;
  options.input_shapes = "1xN";
  check_refused(&options, "received '1xN'");
  options.input_shapes = NULL;
  check_tuning(options);
  check_unpacking(error);

  options.isa = "portable";
  struct TfLiteDelegate* portable = TfSparseDelegateCreate(&options);
  check(portable != NULL && portable != usual, "two delegates at a time");
  TfSparseDelegateDelete(usual);
  TfSparseDelegateDelete(portable);
  TfSparseDelegateDelete(NULL);
  return failures;
}
