// A view of a FlatBuffer that is not trusted. Every access is checked against the size of the
// buffer: what lies outside reads as absent or 0, and the buffer is then damaged(). Numbers are
// little-endian, as on every processor that the engine is built for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace tfsparse {

class FlatTable;

class FlatBuffer {
 public:
  // `bytes` must outlive the view.
  FlatBuffer(const void* bytes, std::size_t size)
      : bytes_(static_cast<const char*>(bytes)), size_(size) {}

  std::size_t size() const { return size_; }
  // Whether anything outside the buffer was named so far.
  bool damaged() const { return damaged_; }

  // Whether the identifier behind the offset of the root is these four characters.
  bool is(const char* identifier) const;
  FlatTable root();

  // `count` bytes from `at` on, or null if the buffer does not hold them.
  const char* bytes(std::uint64_t at, std::uint64_t count);
  template <class T>
  T number(std::uint64_t at) {
    T value{};
    const char* from = bytes(at, sizeof value);
    if (from != nullptr) std::memcpy(&value, from, sizeof value);
    return value;
  }

 private:
  const char* bytes_;
  std::size_t size_;
  bool damaged_ = false;
};

// A vector of numbers, or of offsets to tables. An absent one is empty.
template <class T>
class FlatVector {
 public:
  FlatVector() = default;
  FlatVector(FlatBuffer* buffer, std::size_t first, std::size_t size)
      : buffer_(buffer), first_(first), size_(size) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // The element `i` of size().
  T operator[](std::size_t i) const { return buffer_->number<T>(first_ + i * sizeof(T)); }
  // All elements, which need not be aligned. Null if there are none.
  const char* bytes() const {
    return empty() ? nullptr : buffer_->bytes(first_, size_ * sizeof(T));
  }

 private:
  FlatBuffer* buffer_ = nullptr;
  std::size_t first_ = 0, size_ = 0;
};

// A table. An absent one has no fields.
class FlatTable {
 public:
  FlatTable() = default;
  FlatTable(FlatBuffer* buffer, std::uint64_t at);

  bool is_absent() const { return buffer_ == nullptr; }

  // Each of these takes the number of a field, as the schema counts them from 0.
  bool has(int field) const { return place(field) != 0; }
  template <class T>
  T number(int field, T absent = T()) const {
    const std::uint64_t at = place(field);
    return at == 0 ? absent : buffer_->number<T>(at);
  }
  FlatTable table(int field) const;
  std::string text(int field) const;
  template <class T>
  FlatVector<T> numbers(int field) const {
    const std::uint64_t at = target(field);
    if (at == 0) return {};
    const auto size = buffer_->number<std::uint32_t>(at);
    const std::uint64_t first = at + sizeof size;
    if (buffer_->bytes(first, std::uint64_t{size} * sizeof(T)) == nullptr) return {};
    return {buffer_, static_cast<std::size_t>(first), size};
  }
  FlatVector<FlatTable> tables(int field) const;

 private:
  // Where a field is, or what the offset in a field points to. 0 if absent.
  std::uint64_t place(int field) const;
  std::uint64_t target(int field) const;

  FlatBuffer* buffer_ = nullptr;
  std::uint64_t at_ = 0, fields_ = 0;  // of the table, and of the offsets of its fields
  int count_ = 0;                      // of these offsets
};

template <>
class FlatVector<FlatTable> {
 public:
  FlatVector() = default;
  FlatVector(FlatBuffer* buffer, FlatVector<std::uint32_t> offsets, std::uint64_t first)
      : buffer_(buffer), offsets_(offsets), first_(first) {}

  std::size_t size() const { return offsets_.size(); }
  FlatTable operator[](std::size_t i) const {
    return {buffer_, first_ + i * sizeof(std::uint32_t) + offsets_[i]};
  }

 private:
  FlatBuffer* buffer_ = nullptr;
  FlatVector<std::uint32_t> offsets_;
  std::uint64_t first_ = 0;
};

}  // namespace tfsparse
