#include "delegate/standalone/flatbuffer.h"

namespace tfsparse {
namespace {

using Offset = std::uint32_t;       // forward, from where it is stored
using TableOffset = std::int32_t;   // backward, from a table to the offsets of its fields
using FieldOffset = std::uint16_t;  // from the start of a table; 0 for an absent field

}  // namespace

bool FlatBuffer::is(const char* identifier) const {
  constexpr std::size_t kLength = 4;
  return size_ >= sizeof(Offset) + kLength &&
         std::memcmp(bytes_ + sizeof(Offset), identifier, kLength) == 0;
}

FlatTable FlatBuffer::root() { return {this, number<Offset>(0)}; }

const char* FlatBuffer::bytes(std::uint64_t at, std::uint64_t count) {
  if (at <= size_ && count <= size_ - at) return bytes_ + at;
  damaged_ = true;
  return nullptr;
}

FlatTable::FlatTable(FlatBuffer* buffer, std::uint64_t at) : at_(at) {
  // A field outside the buffer is noticed when it is read. A wrapped subtraction is a large number.
  const std::uint64_t fields =
      at - static_cast<std::uint64_t>(std::int64_t{buffer->number<TableOffset>(at)});
  const auto bytes = buffer->number<FieldOffset>(fields);
  constexpr int kHeader = 2 * sizeof(FieldOffset);  // the sizes of the offsets and of the table
  if (buffer->bytes(fields, bytes) == nullptr || bytes < kHeader) return;
  buffer_ = buffer;
  fields_ = fields + kHeader;
  count_ = (bytes - kHeader) / static_cast<int>(sizeof(FieldOffset));
}

std::uint64_t FlatTable::place(int field) const {
  if (field >= count_) return 0;
  const auto offset = buffer_->number<FieldOffset>(fields_ + field * sizeof(FieldOffset));
  return offset == 0 ? 0 : at_ + offset;
}

std::uint64_t FlatTable::target(int field) const {
  const std::uint64_t at = place(field);
  return at == 0 ? 0 : at + buffer_->number<Offset>(at);
}

FlatTable FlatTable::table(int field) const {
  const std::uint64_t at = target(field);
  return at == 0 ? FlatTable() : FlatTable(buffer_, at);
}

std::string FlatTable::text(int field) const {
  const auto characters = numbers<char>(field);
  return characters.empty() ? "" : std::string(characters.bytes(), characters.size());
}

FlatVector<FlatTable> FlatTable::tables(int field) const {
  const auto offsets = numbers<Offset>(field);
  if (offsets.empty()) return {};
  return {buffer_, offsets, target(field) + sizeof(Offset)};
}

}  // namespace tfsparse
