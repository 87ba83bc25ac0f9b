// What the shared object exports: the functions by which every TFLite runtime loads a delegate, and
// the C API.
#include <string>

#include "delegate/tflite/boundary.h"
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

// A delegate with the options that `read` sets; null, and the reason reported, where it fails.
template <class Read, class Report>
TfLiteDelegate* create(const Read& read, const Report& report_error) {
  const auto read_and_create = [&]() -> TfLiteDelegate* {
    Options options;
    const Status status = read(&options);
    if (status.ok()) return (new Delegate(options))->handle();
    report_error(("tfsparse: " + status.message()).c_str());
    return nullptr;
  };
  return tfsparse::guard(read_and_create, [&]() -> TfLiteDelegate* {
    report_error("tfsparse: out of memory");
    return nullptr;
  });
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
  const auto read = [&](Options* options) { return parse_options(keys, values, count, options); };
  return create(read, [&](const char* message) {
    if (report_error != nullptr) report_error(message);
  });
}

TFSPARSE_EXPORT void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) { destroy(delegate); }

TfSparseDelegateOptions TfSparseDelegateOptionsDefault() {
  TfSparseDelegateOptions options{};
  options.automatic = true;
  return options;
}

TfLiteDelegate* TfSparseDelegateCreate(const TfSparseDelegateOptions* options) {
  const TfSparseDelegateOptions given = options ? *options : TfSparseDelegateOptionsDefault();
  const auto read = [&](Options* options) { return read_options(given, options); };
  return create(read, [&](const char* message) {
    if (given.report_error != nullptr) given.report_error(given.user_data, message);
  });
}

void TfSparseDelegateDelete(TfLiteDelegate* delegate) { destroy(delegate); }

}  // extern "C"
