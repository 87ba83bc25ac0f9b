// Element-wise operations, and sums over all elements.
#pragma once

#include <cstring>

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

// The natural logarithm, relative error below 2e-7.
template <class V>
V log(V x) {
  typedef std::uint32_t Bits __attribute__((vector_size(sizeof(V))));
  typedef std::int32_t Ints __attribute__((vector_size(sizeof(V))));
  const V zero = V::broadcast(0.0f), least_normal = V::broadcast(__FLT_MIN__);
  const V normal = V::if_less(x, least_normal, x * V::broadcast(0x1p23f), x);
  // normal = 2^n * (1 + m), with 1 + m from sqrt(1/2) to sqrt(2)
  Bits bits;
  std::memcpy(&bits, &normal, sizeof bits);
  const Bits above = bits - 0x3f3504f3u;                  // the bits of sqrt(1/2)
  const Ints shifted = ((Ints)above >> 23) + 0x4b400000;  // the bits of 1.5 * 2^23 + n
  bits -= above & 0xff800000u;
  V n, m;
  std::memcpy(&n, &shifted, sizeof n);
  std::memcpy(&m, &bits, sizeof m);
  n = n - V::broadcast(12582912.0f);
  n = V::if_less(x, least_normal, n - V::broadcast(23.0f), n);
  m = m - V::broadcast(1.0f);
  // log(1 + m) = m - m^2 / 2 + m^3 p(m), by iteratively reweighted least squares.
  V p = V::broadcast(-7.63449967e-2f);
  p = V::fma(p, m, V::broadcast(1.27615809e-1f));
  p = V::fma(p, m, V::broadcast(-1.31601825e-1f));
  p = V::fma(p, m, V::broadcast(1.42017573e-1f));
  p = V::fma(p, m, V::broadcast(-1.66233569e-1f));
  p = V::fma(p, m, V::broadcast(2.00012267e-1f));
  p = V::fma(p, m, V::broadcast(-2.50008196e-1f));
  p = V::fma(p, m, V::broadcast(3.33333313e-1f));
  const V square = m * m;
  // log(2) in two parts, as in Exponential
  V y = V::fma(n, V::broadcast(-2.12194440e-4f), square * V::broadcast(-0.5f));
  y = V::fma(p * square, m, y) + m;
  y = V::fma(n, V::broadcast(0.693359375f), y);
  const V infinity = V::broadcast(__builtin_huge_valf());
  const V not_positive = V::if_less(x, zero, V::broadcast(__builtin_nanf("")), zero - infinity);
  y = V::if_less(zero, x, y, not_positive);
  return V::if_less(x, infinity, y, x);  // infinity and NaN
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
    case Unary::kLog:
      return run([](Vec v) { return in_float32(v, [](auto x) { return log(x); }); });
  }
}

// Lane by lane.
inline Vec power(Vec base, Vec exponent) {
  Element numbers[Vec::kLanes], exponents[Vec::kLanes];
  base.store(numbers);
  exponent.store(exponents);
  for (int i = 0; i < Vec::kLanes; ++i) {
    const float result =
        __builtin_powf(static_cast<float>(numbers[i]), static_cast<float>(exponents[i]));
    numbers[i] = static_cast<Element>(result);
  }
  return Vec::load(numbers);
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
    case Binary::kPower:
      if (a.b_step == 0 && static_cast<float>(elements(a.b)[0]) == 3.0f) {
        return run([](Vec l, Vec) { return in_float32(l, [](auto x) { return x * x * x; }); });
      }
      return run([](Vec l, Vec r) { return power(l, r); });
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
