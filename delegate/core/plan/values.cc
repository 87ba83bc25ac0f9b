#include "delegate/core/plan/values.h"

#include "delegate/core/plan/layout.h"
#include "delegate/core/steps/layout_change.h"

namespace tfsparse {

Value Values::add_known(std::uint64_t elements) {
  if (elements > kMaxElements && status_.ok()) {
    status_ = Status::error("needs " + std::to_string(elements) +
                            " elements for one tensor, more than the " +
                            std::to_string(kMaxElements) + " that are supported");
  }
  known_.emplace_back().elements = elements;
  return {static_cast<int>(known_.size()) - 1};
}

PaddedValue Values::add(std::uint64_t elements) { return padded(add_known(elements)); }

Value Values::define_flat(int tensor) {
  return flat_[tensor] = add_known(static_cast<std::uint64_t>(element_count(shape(tensor))));
}

Value Values::define_chw(int tensor) {
  if (!is_image(shape(tensor))) return define_flat(tensor);
  return chw_[tensor] = add_known(chw_layout(shape(tensor)).elements());
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
    const Value from = chw_[tensor];
    steps_.push_back(make_from_chw(from, define_flat(tensor), chw_layout(shape(tensor))));
  }
  const Value value = flat_[tensor];
  if (!known_[value.number].is_callers) return value;
  if (graph_.tensors[tensor].type != DType::kFloat32) {
    status_ = Status::error("a node reads the values of input '" + graph_.tensors[tensor].name +
                            "', which are of " + to_string(graph_.tensors[tensor].type));
  }
  return is_float32_ ? value : padded(value);
}

Value Values::chw(int tensor) {
  if (!is_image(shape(tensor))) return flat(tensor);
  if (!chw_[tensor].exists()) {
    const Value from = flat(tensor);
    steps_.push_back(make_to_chw(from, define_chw(tensor), chw_layout(shape(tensor))));
  }
  return chw_[tensor];
}

PaddedValue Values::padded(Value value) {
  if (!known_[value.number].is_callers) {
    known_[value.number].is_padded = true;
    return PaddedValue(value.number);
  }
  if (!known_[value.number].copy.exists()) {
    const PaddedValue copy = add(elements(value));
    steps_.push_back(make_from_floats(value, copy, elements(value)));
    known_[value.number].copy = copy;
  }
  return known_[value.number].copy;
}

Value Values::bind_input(int tensor) {
  const Value value = define_flat(tensor);
  known_[value.number].is_callers = true;
  return value;
}

// The steps can write the output in place unless its type differs, some step needs it padded, it is
// bound already, or it is also an input.
Value Values::bind_output(int tensor) {
  Value value = flat(tensor);
  if (!is_float32_ || known_[value.number].is_padded || known_[value.number].is_callers) {
    const Value result = add_known(elements(value));
    steps_.push_back(make_to_floats(value, result, elements(value)));
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
          lifetimes.push_back({known_[value].elements, static_cast<int>(s), static_cast<int>(s)});
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
