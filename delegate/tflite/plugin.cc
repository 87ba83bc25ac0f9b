// What the shared object exports: the functions by which every TFLite runtime loads a delegate.
#include <string>

#include "delegate/tflite/delegate.h"

#define TFSPARSE_EXPORT extern "C" __attribute__((visibility("default")))

TFSPARSE_EXPORT TfLiteDelegate* tflite_plugin_create_delegate(const char* const* keys,
                                                              const char* const* values,
                                                              std::size_t count,
                                                              void (*report_error)(const char*)) {
  tfsparse::Options options;
  const tfsparse::Status status = tfsparse::parse_options(keys, values, count, &options);
  if (!status.ok()) {
    if (report_error != nullptr) report_error(("tfsparse: " + status.message()).c_str());
    return nullptr;
  }
  return (new tfsparse::Delegate(options))->handle();
}

TFSPARSE_EXPORT void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) {
  if (delegate != nullptr) delete static_cast<tfsparse::Delegate*>(delegate->data_);
}
