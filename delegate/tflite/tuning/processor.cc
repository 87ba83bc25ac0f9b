#include "delegate/tflite/tuning/processor.h"

#include <cstdio>
#include <cstring>
#include <set>

#include "delegate/tflite/tuning/text.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace tfsparse {
namespace {

#if defined(__x86_64__) || defined(__i386__)

std::string ask_processor() {
  constexpr unsigned kBrand = 0x80000002;  // and the next two: 16 characters each
  unsigned registers[4];
  std::string name;
  for (unsigned leaf = kBrand; leaf < kBrand + 3; ++leaf) {
    if (!__get_cpuid(leaf, &registers[0], &registers[1], &registers[2], &registers[3])) break;
    name.append(reinterpret_cast<const char*>(registers), sizeof registers);
  }
  name = name.c_str();  // drop trailing zeros
  if (!__get_cpuid(1, &registers[0], &registers[1], &registers[2], &registers[3])) return name;
  char signature[32];  // family, model and stepping as in Intel's and AMD's manuals
  std::snprintf(signature, sizeof signature, " (signature %x)", registers[0]);
  return name + signature;
}

#else

// The value of a line "key : value" of /proc/cpuinfo, or an empty string for another key.
std::string value_of(const std::string& line, const char* key) {
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos || line.compare(0, std::strlen(key), key) != 0) return "";
  const std::size_t first = line.find_first_not_of(" \t", colon + 1);
  return first == std::string::npos ? "" : line.substr(first);
}

// One "implementer:variant:part:revision" per kind of core.
std::string ask_processor() {
  std::string implementer, variant, part;
  std::set<std::string> kinds;
  for (const std::string& line : split(read_file("/proc/cpuinfo"), '\n')) {
    if (const std::string v = value_of(line, "CPU implementer"); !v.empty()) implementer = v;
    if (const std::string v = value_of(line, "CPU variant"); !v.empty()) variant = v;
    if (const std::string v = value_of(line, "CPU part"); !v.empty()) part = v;
    const std::string revision = value_of(line, "CPU revision");  // the last line of a core
    if (revision.empty()) continue;
    kinds.insert(implementer + ":" + variant + ":" + part + ":" + revision);
  }
#if defined(__aarch64__)
  std::string name = "arm64";
#else
  std::string name = "other";
#endif
  for (const std::string& kind : kinds) name += " " + kind;
  return name;
}

#endif

}  // namespace

const std::string& processor_name() {
  static const std::string name = printable(ask_processor());
  return name;
}

}  // namespace tfsparse
