#include "delegate/core/plan/values.h"

#include "delegate/core/plan/layout.h"
#include "delegate/core/steps/layout_change.h"

namespace tfsparse {

Value Values::add_known(std::uint64_t elements, std::size_t element_bytes) {
  if (elements > kMaxElements && status_.ok()) {
    status_ = Status::error("needs " + std::to_string(elements) +
                            " elements for one tensor, more than the " +
                            std::to_string(kMaxElements) + " that are supported");
  }
  known_.push_back({elements, element_bytes, false, false, {}});
  return {static_cast<int>(known_.size()) - 1};
}

PaddedValue Values::add(std::uint64_t elements) {
  return padded(add_known(elements, float_bytes_));
}

PaddedValue Values::add_bytes(std::uint64_t bytes) { return padded(add_known(bytes, 1)); }

Value Values::define_flat(int tensor) {
  const auto elements = static_cast<std::uint64_t>(element_count(shape(tensor)));
  return flat_[tensor] = add_known(elements, tensor_bytes(tensor));
}

Value Values::define_chw(int tensor) {
  if (is_int8(tensor)) return chw_[tensor] = add_known(quad_layout(shape(tensor)).bytes(), 1);
  if (!is_image(shape(tensor))) return define_flat(tensor);
  return chw_[tensor] = add_known(chw_layout(shape(tensor)).elements(), float_bytes_);
}

void Values::define_alias(int tensor, int other) {
  if (has_chw(other) && have_same_chw(shape(tensor), shape(other))) {
    chw_[tensor] = chw_[other];
    flat_[tensor] = flat_[other];
  } else {
    flat_[tensor] = flat(other);
  }
}

Value Values::flat(int tensor) {
  if (!flat_[tensor].exists() && !chw_[tensor].exists()) {
    // A graph may read a tensor that no node writes.
    status_ = Status::error("a node reads a tensor that no earlier node writes");
    return define_flat(tensor);
  }
  if (!flat_[tensor].exists()) {
    const Value from = chw_[tensor], to = define_flat(tensor);
    steps_.push_back(is_int8(tensor) ? make_from_quads(from, to, quad_layout(shape(tensor)))
                                     : make_from_chw(from, to, chw_layout(shape(tensor))));
  }
  const Value value = flat_[tensor];
  if (!known_[value.number].is_callers) return value;
  if (graph_.tensors[tensor].type != DType::kFloat32 && !is_int8(tensor)) {
    status_ = Status::error("a node reads the values of input '" + graph_.tensors[tensor].name +
                            "', which are of " + to_string(graph_.tensors[tensor].type));
  }
  return needs_conversion(tensor) ? Value(padded(value)) : value;
}

Value Values::chw(int tensor) {
  if (!is_int8(tensor) && !is_image(shape(tensor))) return flat(tensor);
  if (!chw_[tensor].exists()) {
    const Value from = flat(tensor), to = define_chw(tensor);
    steps_.push_back(is_int8(tensor) ? make_to_quads(from, to, quad_layout(shape(tensor)))
                                     : make_to_chw(from, to, chw_layout(shape(tensor))));
  }
  return chw_[tensor];
}

PaddedValue Values::padded(Value value) {
  if (!known_[value.number].is_callers) {
    known_[value.number].is_padded = true;
    return PaddedValue(value.number);
  }
  if (!known_[value.number].copy.exists()) {
    const bool is_int8 = element_bytes(value) == 1;
    const PaddedValue copy = is_int8 ? add_bytes(elements(value)) : add(elements(value));
    steps_.push_back(is_int8 ? make_copy(value, copy, elements(value))
                             : make_from_floats(value, copy, elements(value)));
    known_[value.number].copy = copy;
  }
  return known_[value.number].copy;
}

Value Values::bind_input(int tensor) {
  const Value value = define_flat(tensor);
  known_[value.number].is_callers = true;
  known_[value.number].element_bytes = is_int8(tensor) ? 1 : sizeof(float);
  return value;
}

// The steps can write the output in place unless its type differs, some step needs it padded, it is
// bound already, or it is also an input.
Value Values::bind_output(int tensor) {
  Value value = flat(tensor);
  const std::uint64_t count = elements(value);
  if (needs_conversion(tensor) || known_[value.number].is_padded ||
      known_[value.number].is_callers) {
    const Value result = add_known(count, is_int8(tensor) ? 1 : sizeof(float));
    steps_.push_back(is_int8(tensor) ? make_copy(value, result, count)
                                     : make_to_floats(value, result, count));
    value = result;
  }
  known_[value.number].is_callers = true;
  return value;
}

ArenaPlan Values::plan_memory(std::vector<std::ptrdiff_t>* offsets) const {
  std::vector<Lifetime> lifetimes;
  std::vector<int> index(known_.size(), -1);
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    for (const std::vector<Value>* touched : {&steps_[s]->reads, &steps_[s]->writes}) {
      for (const auto [value] : *touched) {
        if (known_[value].is_callers) continue;
        if (index[value] < 0) {
          index[value] = static_cast<int>(lifetimes.size());
          const std::uint64_t bytes = known_[value].elements * known_[value].element_bytes;
          lifetimes.push_back({bytes, static_cast<int>(s), static_cast<int>(s)});
        }
        lifetimes[index[value]].last_step = static_cast<int>(s);
      }
    }
  }
  ArenaPlan arena = plan_arena(lifetimes);
  offsets->assign(known_.size(), -1);
  for (std::size_t value = 0; value < known_.size(); ++value) {
    if (index[value] >= 0) {
      (*offsets)[value] = static_cast<std::ptrdiff_t>(arena.offsets[index[value]]);
    }
  }
  return arena;
}

}  // namespace tfsparse
