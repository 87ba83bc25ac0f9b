// Where the runtime, or a program in C, calls the delegate. Neither can catch an exception.
#pragma once

#include <exception>

namespace tfsparse {

// Returns what body() does; where memory is short, what out_of_memory() does.
template <class Body, class Failure>
auto guard(const Body& body, [[maybe_unused]] const Failure& out_of_memory) -> decltype(body()) {
#if defined(__cpp_exceptions)
  try {
    return body();
  } catch (const std::exception&) {  // of the standard library's allocations: nothing else throws
    return out_of_memory();
  }
#else
  return body();
#endif
}

}  // namespace tfsparse
