// The exported functions: TFLite's plugin interface for external delegates, and the C API.
#include <string>
#include <utility>

#include "delegate/tflite/boundary.h"
#include "delegate/tflite/delegate.h"
#include "delegate/tflite/tuning/tune.h"
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
  if (given.tuning != nullptr) options->tuning = given.tuning;
  if (given.runtime_version != nullptr) options->runtime_version = given.runtime_version;
  if (given.input_shapes != nullptr) {
    TFSPARSE_RETURN_IF_ERROR(set_input_shapes(given.input_shapes, options));
  }
  return {};
}

// Returns the delegate made by `make`. On failure reports the reason and returns null.
template <class Make, class Report>
TfLiteDelegate* create(const Make& make, const Report& report_error) {
  const auto make_or_report = [&]() -> TfLiteDelegate* {
    TfLiteDelegate* delegate = nullptr;
    const Status status = make(&delegate);
    if (!status.ok()) report_error(("tfsparse: " + status.message()).c_str());
    return delegate;
  };
  return tfsparse::guard(make_or_report, [&]() -> TfLiteDelegate* {
    report_error("tfsparse: out of memory");
    return nullptr;
  });
}

// The same for the C API, where `make` takes the options.
template <class Make>
TfLiteDelegate* create_with(const TfSparseDelegateOptions* given, const Make& make) {
  const TfSparseDelegateOptions from = given ? *given : TfSparseDelegateOptionsDefault();
  const auto read_and_make = [&](TfLiteDelegate** delegate) -> Status {
    Options options;
    TFSPARSE_RETURN_IF_ERROR(read_options(from, &options));
    return make(options, delegate);
  };
  return create(read_and_make, [&](const char* message) {
    if (from.report_error != nullptr) from.report_error(from.user_data, message);
  });
}

void summarize(const tfsparse::TuneResult& from, TfSparseTuneResult* to) {
  to->measured = from.measured;
  to->saved = from.saved;
  to->parts = static_cast<int>(from.parts.size());
  to->parts_taken = 0;
  for (const tfsparse::TunedPart& part : from.parts) to->parts_taken += part.taken;
  to->default_seconds = from.baseline.median;
  to->tfsparse_seconds = from.candidate.median;
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
  const auto make = [&](TfLiteDelegate** delegate) -> Status {
    Options options;
    TFSPARSE_RETURN_IF_ERROR(parse_options(keys, values, count, &options));
    *delegate = (new Delegate(options))->handle();
    return {};
  };
  return create(make, [&](const char* message) {
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
  return create_with(options, [](const Options& options, TfLiteDelegate** delegate) -> Status {
    *delegate = (new Delegate(options))->handle();
    return {};
  });
}

TfLiteDelegate* TfSparseDelegateCreateTuned(const TfSparseDelegateOptions* options,
                                            const TfSparseTuneHost* host,
                                            TfSparseTuneResult* result) {
  return create_with(options, [&](const Options& options, TfLiteDelegate** delegate) -> Status {
    tfsparse::TuneResult found;
    TFSPARSE_RETURN_IF_ERROR(tfsparse::tune(options, *host, tfsparse::steady_clock(), &found));
    if (result != nullptr) summarize(found, result);
    *delegate = (new Delegate(options, std::move(found.entries)))->handle();
    return {};
  });
}

void TfSparseDelegateDelete(TfLiteDelegate* delegate) { destroy(delegate); }

}  // extern "C"
