#include "delegate/tflite/units.h"

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
  int decimals = 0;
  for (double digits = value; digits > 0 && digits < 100 && decimals < 20; digits *= 10) ++decimals;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f %s", decimals, value, unit->name);
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
