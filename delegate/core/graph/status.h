// How the core reports failure. The standard library alone throws, where memory is short, and is
// compiled without exceptions for Android, whose older releases cannot unwind them.
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

  // The same error, said of the node with the caller's number `id` unless it names one already.
  Status at(int id) && {
    if (!ok() && node_ < 0) node_ = id;
    return std::move(*this);
  }

  bool ok() const { return message_.empty(); }
  const std::string& message() const { return message_; }
  int node() const { return node_; }  // the node that is at fault, or -1

 private:
  std::string message_;  // empty when all is well
  int node_ = -1;
};

#define TFSPARSE_RETURN_IF_ERROR(expression)          \
  do {                                                \
    ::tfsparse::Status status_of_call = (expression); \
    if (!status_of_call.ok()) return status_of_call;  \
  } while (false)

}  // namespace tfsparse
