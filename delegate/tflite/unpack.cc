// The C API of unpacking. It is here with the other exported functions, though TFLite has no part
// in it.
#include "delegate/core/unpacking/unpack.h"

#include "delegate/tflite/boundary.h"
#include "delegate/tfsparse_delegate.h"

namespace {

using tfsparse::Status;

// Returns whether `run` succeeded. If not, reports why.
template <class Run>
bool succeeds(const Run& run, void (*report_error)(void*, const char*), void* user_data) {
  const auto report = [&](const char* message) {
    if (report_error != nullptr) report_error(user_data, message);
    return false;
  };
  const auto run_or_report = [&] {
    const Status status = run();
    return status.ok() || report(("tfsparse: " + status.message()).c_str());
  };
  return tfsparse::guard(run_or_report, [&] { return report("tfsparse: out of memory"); });
}

}  // namespace

extern "C" {

bool TfSparseUnpackedSize(const void* archive, size_t archive_size, uint64_t* size,
                          void (*report_error)(void* user_data, const char* message),
                          void* user_data) {
  const auto* bytes = static_cast<const std::uint8_t*>(archive);
  return succeeds([&] { return tfsparse::unpacked_size(bytes, archive_size, size); }, report_error,
                  user_data);
}

bool TfSparseUnpack(const void* archive, size_t archive_size, void* file, size_t size,
                    void (*report_error)(void* user_data, const char* message), void* user_data) {
  const auto* bytes = static_cast<const std::uint8_t*>(archive);
  const auto run = [&] {
    return tfsparse::unpack(bytes, archive_size, static_cast<std::uint8_t*>(file), size);
  };
  return succeeds(run, report_error, user_data);
}

}  // extern "C"
