// Wraps functions called by the runtime or by C programs, which cannot catch exceptions.
#pragma once

#include <exception>

namespace tfsparse {

// Returns body(), or out_of_memory() if memory is short.
template <class Body, class Failure>
auto guard(const Body& body, [[maybe_unused]] const Failure& out_of_memory) -> decltype(body()) {
#if defined(__cpp_exceptions)
  try {
    return body();
  } catch (const std::exception&) {  // only allocations of the standard library throw
    return out_of_memory();
  }
#else
  return body();
#endif
}

}  // namespace tfsparse
