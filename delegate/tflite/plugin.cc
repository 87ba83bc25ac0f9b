// What the shared object exports: the functions by which every TFLite runtime loads a delegate, and
// the C API.
#include <string>

#include "delegate/tflite/delegate.h"
#include "delegate/tfsparse_delegate.h"

namespace {

using tfsparse::Delegate;
using tfsparse::Options;
using tfsparse::Status;

Status read_options(const TfSparseDelegateOptions& given, Options* options) {
  TFSPARSE_RETURN_IF_ERROR(set_num_threads(given.num_threads, options));
  if (given.isa != nullptr) TFSPARSE_RETURN_IF_ERROR(set_isa(given.isa, options));
  if (given.fp16) set_fp16(options);
  options->automatic = given.automatic;
  options->profile = given.profile;
  return {};
}

template <class Report>
TfLiteDelegate* create(const Status& status, const Options& options, const Report& report_error) {
  if (status.ok()) return (new Delegate(options))->handle();
  report_error(("tfsparse: " + status.message()).c_str());
  return nullptr;
}

void destroy(TfLiteDelegate* delegate) {
  if (delegate != nullptr) delete static_cast<Delegate*>(delegate->data_);
}

}  // namespace

extern "C" {

TFSPARSE_EXPORT TfLiteDelegate* tflite_plugin_create_delegate(const char* const* keys,
                                                              const char* const* values,
                                                              std::size_t count,
                                                              void (*report_error)(const char*)) {
  Options options;
  const Status status = parse_options(keys, values, count, &options);
  return create(status, options, [&](const char* message) {
    if (report_error != nullptr) report_error(message);
  });
}

TFSPARSE_EXPORT void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) { destroy(delegate); }

TfSparseDelegateOptions TfSparseDelegateOptionsDefault() {
  const Options defaults;
  TfSparseDelegateOptions options{};
  options.num_threads = defaults.num_threads;
  options.automatic = defaults.automatic;
  options.profile = defaults.profile;
  return options;
}

TfLiteDelegate* TfSparseDelegateCreate(const TfSparseDelegateOptions* options) {
  const TfSparseDelegateOptions given = options ? *options : TfSparseDelegateOptionsDefault();
  Options read;
  const Status status = read_options(given, &read);
  return create(status, read, [&](const char* message) {
    if (given.report_error != nullptr) given.report_error(given.user_data, message);
  });
}

void TfSparseDelegateDelete(TfLiteDelegate* delegate) { destroy(delegate); }

}  // extern "C"
