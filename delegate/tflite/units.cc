#include "delegate/tflite/units.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <initializer_list>

namespace tfsparse {
namespace {

struct Unit {
  const char* name;
  double size;
};

// Uses the largest unit that the value reaches, or the last one.
std::string format(double value, std::initializer_list<Unit> units) {
  const Unit* unit = units.begin();
  while (unit + 1 != units.end() && value < unit->size) ++unit;
  value /= unit->size;
  const int exponent = value > 0 ? static_cast<int>(std::floor(std::log10(value))) : 2;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f %s", std::max(0, 2 - exponent), value, unit->name);
  return text;
}

}  // namespace

std::string format_seconds(double seconds) {
  return format(seconds, {{"s", 1}, {"ms", 1e-3}, {"µs", 1e-6}, {"ns", 1e-9}});
}

std::string format_bytes(std::size_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  return format(static_cast<double>(bytes), {{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}});
}

}  // namespace tfsparse
