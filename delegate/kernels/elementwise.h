// Element-wise operations, and sums over all elements.
#pragma once

#include "delegate/kernels/epilogue.h"

namespace tfsparse {
namespace {

// y[i] = f(i, load) for whole vectors, then for the first lanes of one more. `load` reads nothing
// behind the last element, since operands may be the caller's memory.
template <class V, class T, class F>
void map(T* y, std::size_t n, const F& f) {
  std::size_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes)
    f(i, [](const auto* p) { return V::load(p); }).store(y + i);
  const int left = static_cast<int>(n - i);
  if (left > 0) f(i, [left](const auto* p) { return load_first<V>(p, left); }).store(y + i, left);
}

// y[i] = epilogue(f(i, load)). Clamps are inlined. Activations are many instructions, so all
// operations share one function.
template <class F>
void map_and_finish(const Epilogue& epilogue, Element* y, std::size_t n, const F& f) {
  const bool at_once = epilogue.activation == Activation::kNone;
  const Epilogue bounds = at_once ? epilogue : Epilogue{};
  const Vec lo = Vec::broadcast(bounds.lo), hi = Vec::broadcast(bounds.hi);
  map<Vec>(y, n, [&](std::size_t i, auto load) { return clamp(f(i, load), lo, hi); });
  if (!at_once) finish_run(epilogue, y, nullptr, n);
}

void unary(const UnaryArgs& a) {
  const auto run = [&](auto op) {
    map_and_finish(a.epilogue, elements(a.y), a.n,
                   [&](std::size_t i, auto load) { return op(load(elements(a.x) + i)); });
  };
  switch (a.op) {
    case Unary::kIdentity:
      return run([](Vec v) { return v; });
    case Unary::kAbs:
      return run([](Vec v) { return Vec::max(v, Vec::broadcast(0.0f) - v); });
    case Unary::kNegate:
      return run([](Vec v) { return Vec::broadcast(0.0f) - v; });
    case Unary::kSquare:
      return run([](Vec v) { return v * v; });
    case Unary::kSqrt:
      return run([](Vec v) { return in_float32(v, [](auto x) { return x.sqrt(x); }); });
    case Unary::kRsqrt:
      return run([](Vec v) {
        return in_float32(v, [](auto x) { return x.broadcast(1.0f) / x.sqrt(x); });
      });
    case Unary::kExp:
      return run([](Vec v) { return in_float32(v, [](auto x) { return exp(x); }); });
  }
}

void binary(const BinaryArgs& a) {
  if (a.n == 0) return;
  const Vec first_a = Vec::broadcast(elements(a.a)[0]);
  const Vec first_b = Vec::broadcast(elements(a.b)[0]);
  const auto run = [&](auto op) {
    map_and_finish(a.epilogue, elements(a.y), a.n, [&](std::size_t i, auto load) {
      const Vec left = a.a_step ? load(elements(a.a) + i) : first_a;
      const Vec right = a.b_step ? load(elements(a.b) + i) : first_b;
      return op(left, right);
    });
  };
  switch (a.op) {
    case Binary::kAdd:
      return run([](Vec l, Vec r) { return l + r; });
    case Binary::kSub:
      return run([](Vec l, Vec r) { return l - r; });
    case Binary::kMul:
      return run([](Vec l, Vec r) { return l * r; });
    case Binary::kDiv:
      return run([](Vec l, Vec r) { return l / r; });
    case Binary::kMax:
      return run([](Vec l, Vec r) { return Vec::max(l, r); });
    case Binary::kMin:
      return run([](Vec l, Vec r) { return Vec::min(l, r); });
    case Binary::kPrelu:
      return run([](Vec l, Vec r) { return leaky_relu(l, r); });
    case Binary::kSquaredDifference:
      return run([](Vec l, Vec r) { return (l - r) * (l - r); });
  }
}

float sum(const void* begin, std::size_t n) {
  const Element* x = elements(begin);
  constexpr int kParts = 4;  // independent additions hide their latency
  FloatVec parts[kParts];
  for (FloatVec& part : parts) part = FloatVec::broadcast(0.0f);
  std::size_t i = 0;
  for (; i + kParts * FloatVec::kLanes <= n; i += kParts * FloatVec::kLanes) {
    TFSPARSE_UNROLL
    for (int p = 0; p < kParts; ++p)
      parts[p] = parts[p] + FloatVec::load(x + i + p * FloatVec::kLanes);
  }
  for (; i < n; i += FloatVec::kLanes) {
    const std::size_t left = n - i;
    const int lanes = left < FloatVec::kLanes ? static_cast<int>(left) : FloatVec::kLanes;
    parts[0] = parts[0] + load_first<FloatVec>(x + i, lanes);
  }
  return ((parts[0] + parts[1]) + (parts[2] + parts[3])).sum();
}

void accumulate(const void* x, float* sums, std::size_t n) {
  map<FloatVec>(sums, n,
                [&](std::size_t i, auto load) { return load(sums + i) + load(elements(x) + i); });
}

void from_floats(const float* x, void* y, std::size_t n) {
  map<FloatVec>(elements(y), n, [&](std::size_t i, auto load) { return load(x + i); });
}

void to_floats(const void* x, float* y, std::size_t n) {
  map<FloatVec>(y, n, [&](std::size_t i, auto load) { return load(elements(x) + i); });
}

// y[i] = e^(scale * x[i] - shift) for whole vectors. Returns their sum.
__attribute__((noinline)) FloatVec exponentials(const Element* x, Element* y, int n, FloatVec scale,
                                                FloatVec shift) {
  FloatVec total = FloatVec::broadcast(0.0f);
  for (int i = 0; i < n; i += FloatVec::kLanes) {
    const FloatVec e = exp_nonpositive(FloatVec::load(x + i) * scale - shift);
    e.store(y + i);
    total = total + e;
  }
  return total;
}

void softmax(const void* from, void* to, int n, float beta) {
  if (n <= 0) return;
  const Element* x = elements(from);
  Element* y = elements(to);
  const int lanes = n % FloatVec::kLanes, whole = n - lanes;
  Element last[FloatVec::kLanes];  // and the first of them again, which changes no maximum
  for (int i = 0; i < FloatVec::kLanes && lanes > 0; ++i) last[i] = x[whole + i % lanes];
  // Subtracts the largest beta * x, so that no exponential overflows. beta may be negative.
  const FloatVec scale = FloatVec::broadcast(beta);
  FloatVec most = FloatVec::broadcast(-__builtin_huge_valf());
  for (int i = 0; i < whole; i += FloatVec::kLanes) {
    most = FloatVec::max(most, FloatVec::load(x + i) * scale);
  }
  if (lanes > 0) most = FloatVec::max(most, FloatVec::load(last) * scale);
  const FloatVec shift = FloatVec::broadcast(most.largest());
  float total = exponentials(x, y, whole, scale, shift).sum();
  if (lanes > 0) {
    exponentials(last, last, FloatVec::kLanes, scale, shift);
    FloatVec::load(last).store(y + whole, lanes);
    total += sum(last, static_cast<std::size_t>(lanes));
  }
  const FloatVec reciprocal = FloatVec::broadcast(1.0f / total);
  map<FloatVec>(y, static_cast<std::size_t>(n),
                [&](std::size_t i, auto load) { return load(y + i) * reciprocal; });
}

}  // namespace
}  // namespace tfsparse
