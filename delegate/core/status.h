// How the core reports failure: no exceptions, since Android's older releases cannot unwind them.
#pragma once

#include <string>
#include <utility>

namespace tfsparse {

class [[nodiscard]] Status {
 public:
  Status() = default;
  static Status error(std::string message) {
    Status status;
    status.message_ = std::move(message);
    return status;
  }

  bool ok() const { return message_.empty(); }
  const std::string& message() const { return message_; }

 private:
  std::string message_;  // empty when all is well
};

#define TFSPARSE_RETURN_IF_ERROR(expression)          \
  do {                                                \
    ::tfsparse::Status status_of_call = (expression); \
    if (!status_of_call.ok()) return status_of_call;  \
  } while (false)

}  // namespace tfsparse
