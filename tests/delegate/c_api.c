/* The C API as a C programmer uses it, without a runtime. */
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

  options.isa = "portable";
  struct TfLiteDelegate* portable = TfSparseDelegateCreate(&options);
  check(portable != NULL && portable != usual, "two delegates at a time");
  TfSparseDelegateDelete(usual);
  TfSparseDelegateDelete(portable);
  TfSparseDelegateDelete(NULL);
  return failures;
}
