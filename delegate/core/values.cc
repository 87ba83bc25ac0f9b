#include "delegate/core/values.h"

namespace tfsparse {

int Values::add(std::size_t elements) {
  values_.push_back({elements, false});
  return count() - 1;
}

int Values::define_flat(int tensor) {
  return flat_[tensor] = add(static_cast<std::size_t>(element_count(shape(tensor))));
}

int Values::define_planes(int tensor) {
  if (!is_image(shape(tensor))) return define_flat(tensor);
  return planes_[tensor] = add(planes_of(shape(tensor)).elements());
}

void Values::define_alias(int tensor, int other) {
  if (has_planes(other) && have_same_planes(shape(tensor), shape(other))) {
    planes_[tensor] = planes_[other];
    flat_[tensor] = flat_[other];
  } else {
    flat_[tensor] = flat(other);
  }
}

int Values::flat(int tensor) {
  if (flat_[tensor] < 0 && planes_[tensor] < 0) {
    // A graph that reads what nobody makes is found out here rather than by a wild pointer.
    reads_unmade_ = true;
    return define_flat(tensor);
  }
  if (flat_[tensor] < 0) {
    const int from = planes_[tensor];
    steps_.push_back(make_from_planes(from, define_flat(tensor), planes_of(shape(tensor))));
  }
  return flat_[tensor];
}

int Values::planes(int tensor) {
  if (!is_image(shape(tensor))) return flat(tensor);
  if (planes_[tensor] < 0) {
    const int from = flat(tensor);
    steps_.push_back(make_to_planes(from, define_planes(tensor), planes_of(shape(tensor))));
  }
  return planes_[tensor];
}

ArenaPlan Values::plan_memory(std::vector<std::ptrdiff_t>* offsets) const {
  std::vector<Lifetime> lifetimes;
  std::vector<int> index(values_.size(), -1);
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    for (const std::vector<int>* touched : {&steps_[s]->reads, &steps_[s]->writes}) {
      for (int value : *touched) {
        if (values_[value].external) continue;
        if (index[value] < 0) {
          index[value] = static_cast<int>(lifetimes.size());
          lifetimes.push_back({values_[value].elements, static_cast<int>(s), static_cast<int>(s)});
        }
        lifetimes[index[value]].last_step = static_cast<int>(s);
      }
    }
  }
  ArenaPlan arena = plan_arena(lifetimes);
  offsets->assign(values_.size(), -1);
  for (std::size_t value = 0; value < values_.size(); ++value) {
    if (index[value] >= 0) {
      (*offsets)[value] = static_cast<std::ptrdiff_t>(arena.offsets[index[value]]);
    }
  }
  return arena;
}

}  // namespace tfsparse
