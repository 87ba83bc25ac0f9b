#include "delegate/core/rewriting/epilogues.h"

#include <algorithm>
#include <cmath>

namespace tfsparse {

bool clamps(const Epilogue& epilogue) {
  return !std::isinf(epilogue.lo) || !std::isinf(epilogue.hi);
}

bool is_plain(const Epilogue& epilogue) {
  return epilogue.activation == Activation::kNone && !clamps(epilogue);
}

bool compose(Epilogue first, const Epilogue& second, Epilogue* result) {
  if (second.activation == Activation::kNone) {
    *result = first;
    result->lo = std::min(std::max(first.lo, second.lo), second.hi);
    result->hi = std::min(std::max(first.hi, second.lo), second.hi);
    return true;
  }
  *result = second;
  return is_plain(first);
}

}  // namespace tfsparse
