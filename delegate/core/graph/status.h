// Error reporting without exceptions. Only the standard library throws, when memory is short. For
// Android it is compiled without exceptions, as older releases cannot unwind them.
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

  // The same error with the caller's number of the failing node, unless one is set already.
  Status at(int id) && {
    if (!ok() && node_ < 0) node_ = id;
    return std::move(*this);
  }

  bool ok() const { return message_.empty(); }
  const std::string& message() const { return message_; }
  int node() const { return node_; }  // the failing node, or -1

 private:
  std::string message_;  // empty on success
  int node_ = -1;
};

#define TFSPARSE_RETURN_IF_ERROR(expression)          \
  do {                                                \
    ::tfsparse::Status status_of_call = (expression); \
    if (!status_of_call.ok()) return status_of_call;  \
  } while (false)

}  // namespace tfsparse
