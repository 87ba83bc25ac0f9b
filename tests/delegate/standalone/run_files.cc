// Reads files from the standard input, each after its size in four bytes, and runs each one. Writes
// a line for each: why it was refused, or nothing.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "delegate/standalone/session.h"
#include "delegate/tflite/boundary.h"
#include "delegate/web/describe.h"

namespace {

using tfsparse::FileBytes;
using tfsparse::Session;
using tfsparse::Status;

// A damaged size would make a run take minutes.
bool is_small(Session* session) {
  constexpr std::int64_t kMost = 1 << 20;
  std::int64_t elements = static_cast<std::int64_t>(session->plan()->arena_bytes());
  for (const auto& step : session->plan()->steps()) {
    for (const auto& part : step->parts) elements += static_cast<std::int64_t>(part.macs / 100);
  }
  return elements < 16 * kMost;
}

Status run(FileBytes file) {
  Session session;
  Status status = session.read(std::move(file));
  if (status.ok()) status = session.plan({});
  if (tfsparse::describe(&session).empty()) std::abort();
  if (status.ok() && is_small(&session)) session.run_profiled();
  return status;
}

}  // namespace

int main() {
  std::uint32_t size;
  while (std::fread(&size, sizeof size, 1, stdin) == 1) {
    // Of the exact size, so that AddressSanitizer notices what is read behind the end.
    FileBytes file{std::unique_ptr<char[]>(new char[size]), size};
    if (std::fread(file.bytes.get(), 1, size, stdin) != size) return 1;
    const std::string message = tfsparse::guard([&] { return run(std::move(file)).message(); },
                                                [] { return std::string("out of memory"); });
    std::puts(message.c_str());
    std::fflush(stdout);
  }
  return 0;
}
