#include "delegate/core/steps/strided_copy.h"

#include <algorithm>
#include <utility>

namespace tfsparse {
namespace {

// Sorts the dimensions by their output stride and merges contiguous ones.
std::vector<CopyDim> simplify(std::vector<CopyDim> dims) {
  dims.erase(std::remove_if(dims.begin(), dims.end(), [](const CopyDim& d) { return d.size == 1; }),
             dims.end());
  std::stable_sort(dims.begin(), dims.end(),
                   [](const CopyDim& a, const CopyDim& b) { return a.to > b.to; });
  std::vector<CopyDim> joined;
  for (const CopyDim& dim : dims) {
    CopyDim* outer = joined.empty() ? nullptr : &joined.back();
    if (outer && outer->from == dim.from * dim.size && outer->to == dim.to * dim.size) {
      *outer = {outer->size * dim.size, dim.from, dim.to};
    } else {
      joined.push_back(dim);
    }
  }
  return joined;
}

// The two innermost dimensions, columns and rows, are the inner loops. Next is a loop over bands,
// the longer one of the two dimensions around them: the inner one may be as short as a block of
// pixels.
class Copy {
 public:
  Copy(StridedCopy copy, std::size_t element_bytes)
      : from_(copy.from),
        constant_(std::move(copy.constant)),
        element_bytes_(element_bytes),
        from_offset_(copy.from_offset),
        to_offset_(copy.to_offset),
        outer_dims_(simplify(std::move(copy.dims))) {
    for (CopyDim* dim : {&columns_, &rows_}) {
      *dim = outer_dims_.empty() ? CopyDim{1, 0, 0} : outer_dims_.back();
      if (!outer_dims_.empty()) outer_dims_.pop_back();
    }
    const auto around = outer_dims_.end() - std::min<std::ptrdiff_t>(2, outer_dims_.size());
    const auto bands =
        std::max_element(around, outer_dims_.end(),
                         [](const CopyDim& a, const CopyDim& b) { return a.size < b.size; });
    if (bands != outer_dims_.end()) {
      bands_ = *bands;
      outer_dims_.erase(bands);
    }
    for (const CopyDim& dim : outer_dims_) outer_ *= dim.size;
    interleaves_ = rows_.from == 1 && columns_.to == 1 && rows_.to == columns_.size;
  }

  void run(const RunContext& context, Value to) const {
    const Elements y(context.values[to], element_bytes_);
    const Elements x(from_.exists() ? context.values[from_] : constant_.data(), element_bytes_);
    // Split by rows, so that threads need not get whole bands.
    const int rows = outer_ * bands_.size * rows_.size;
    context.pool.parallel_for(
        rows, std::max(1, kGrain / std::max(1, columns_.size)), [&](int begin, int end, int) {
          while (begin < end) {
            begin += copy_bands(context.kernels, x + from_offset_, y + to_offset_, begin, end);
          }
        });
  }

 private:
  // Copies rows from `begin` on that have the same outer index, up to `end`. Returns their number.
  int copy_bands(const Kernels& kernels, Elements x, Elements y, int begin, int end) const {
    int row = begin % rows_.size, band = begin / rows_.size % bands_.size;
    int outer = begin / rows_.size / bands_.size;
    for (std::size_t i = outer_dims_.size(); i-- > 0;) {
      const CopyDim& dim = outer_dims_[i];
      x = x + outer % dim.size * dim.from;
      y = y + outer % dim.size * dim.to;
      outer /= dim.size;
    }
    x = x + band * bands_.from;
    y = y + band * bands_.to;
    int left = end - begin;
    while (band < bands_.size && left > 0) {  // several whole bands, or a part of one
      const int count = std::min(left, rows_.size - row);
      const int bands = count < rows_.size ? 1 : std::min(left / count, bands_.size - band);
      copy_rows(kernels, x + row * rows_.from, y + row * rows_.to, bands, count);
      x = x + bands * bands_.from;
      y = y + bands * bands_.to;
      band += bands;
      left -= bands * count;
      row = 0;
    }
    return end - begin - left;
  }

  // Copies `count` rows in each of `bands` bands.
  void copy_rows(const Kernels& kernels, Elements x, Elements y, int bands, int count) const {
    if (interleaves_ && element_bytes_ == kernels.element_bytes) {
      return kernels.from_chw({x, y, count, columns_.size, static_cast<std::size_t>(columns_.from),
                               bands, bands_.from, bands_.to});
    }
    for (int band = 0; band < bands; ++band) {
      for (int r = 0; r < count; ++r) {
        copy_row(x + (band * bands_.from + r * rows_.from), y + (band * bands_.to + r * rows_.to));
      }
    }
  }

  void copy_row(Elements x, Elements y) const {
    if (columns_.from == 1 && columns_.to == 1) return copy(x, y, columns_.size);
    switch (element_bytes_) {
      case sizeof(std::uint8_t):
        return copy_columns<std::uint8_t>(x, y);
      case sizeof(std::uint16_t):
        return copy_columns<std::uint16_t>(x, y);
      default:
        return copy_columns<std::uint32_t>(x, y);
    }
  }

  // `Bits` is an integer as long as an element.
  template <class Bits>
  void copy_columns(const void* from, void* to) const {
    const auto* x = static_cast<const Bits*>(from);
    auto* y = static_cast<Bits*>(to);
    for (int i = 0; i < columns_.size; ++i) y[i * columns_.to] = x[i * columns_.from];
  }

  Value from_;
  Buffer constant_;
  std::size_t element_bytes_;
  std::ptrdiff_t from_offset_, to_offset_;
  std::vector<CopyDim> outer_dims_;
  CopyDim bands_ = {1, 0, 0}, rows_, columns_;
  int outer_ = 1;
  bool interleaves_ = false;  // whether rows are planes whose pixels get interleaved
};

class Copies : public Step {
 public:
  void run(const RunContext& context) const override {
    for (const Copy& copy : copies_) copy.run(context, writes[0]);
  }

  std::vector<Copy> copies_;
};

}  // namespace

Status read_elements(const Tensor& tensor, const Kernels& kernels, Buffer* elements) {
  if (tensor.type == DType::kInt8) {
    std::vector<std::int8_t> codes;
    TFSPARSE_RETURN_IF_ERROR(read_int8(tensor, &codes));
    *elements = Buffer(codes.size(), 1);
    std::copy(codes.begin(), codes.end(), bytes(elements->data()));
    return {};
  }
  std::vector<float> values;
  TFSPARSE_RETURN_IF_ERROR(read_floats(tensor, &values));
  *elements = to_elements(values, kernels);
  return {};
}

std::unique_ptr<Step> make_strided_copies(std::string kernel, const MovedElements& elements,
                                          std::vector<StridedCopy> copies, Value y) {
  auto step = std::make_unique<Copies>();
  step->parts[0].kernel = std::move(kernel);
  step->writes = {y};
  for (StridedCopy& copy : copies) {
    const bool is_empty = std::any_of(copy.dims.begin(), copy.dims.end(),
                                      [](const CopyDim& dim) { return dim.size == 0; });
    if (is_empty) continue;  // the product of its other sizes may overflow
    if (copy.from.exists()) step->reads.push_back(copy.from);
    step->copies_.emplace_back(std::move(copy), elements.bytes());
  }
  return step;
}

}  // namespace tfsparse
