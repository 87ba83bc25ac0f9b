#include "delegate/core/unpacking/numbers.h"

#include <cstring>
#include <vector>

#include "delegate/core/unpacking/symbols.h"

namespace tfsparse {
namespace {

enum Flags : std::uint8_t { kDifferences = 1, kSparse = 2, kCodebook = 4 };

constexpr std::uint8_t kLongGap = 255;  // the gap goes on in the next byte

using Symbols = std::vector<std::uint8_t>;

// Positions of the numbers that are stored, in blocks of neighbours.
struct Blocks {
  std::uint64_t block = 1, count = 0;
  Symbols gaps;  // zero blocks before each
};

bool read_blocks(ByteReader* from, std::size_t items, Blocks* blocks) {
  std::uint64_t symbols = 0;
  if (!from->varint(&blocks->block) || !from->varint(&blocks->count)) return false;
  if (!from->varint(&symbols)) return false;
  if (blocks->block == 0 || blocks->block > items) return false;
  // Each symbol of a gap stands for a block, or for 255 that are zero.
  if (blocks->count > items / blocks->block || symbols > items) return false;
  return read_symbols(from, symbols, &blocks->gaps);
}

// The values of the stored numbers: an array for each of their bytes, or codes of a codebook.
class Values {
 public:
  bool read(ByteReader* from, int item, bool has_codebook, std::uint64_t count) {
    if (!has_codebook) {
      for (int byte = 0; byte < item; ++byte) {
        if (!read_symbols(from, count, &planes_[byte])) return false;
      }
      return true;
    }
    std::uint64_t entries = 0;
    if (!from->varint(&entries) || entries == 0 || entries > 256) return false;
    if (!from->bytes(entries * item, &codebook_)) return false;
    if (!read_symbols(from, count, &planes_[0])) return false;
    for (const std::uint8_t code : planes_[0]) {
      if (code >= entries) return false;
    }
    return true;
  }

  // Writes the values from number `first` on.
  template <int item>
  void write(std::uint64_t first, std::uint64_t count, std::uint8_t* output) const {
    for (std::uint64_t i = first; i < first + count; ++i, output += item) {
      if (codebook_ != nullptr) {
        std::memcpy(output, codebook_ + item * planes_[0][i], item);
      } else {
        for (int byte = 0; byte < item; ++byte) output[byte] = planes_[byte][i];
      }
    }
  }

 private:
  const std::uint8_t* codebook_ = nullptr;
  Symbols planes_[8];
};

template <int item>
bool write_blocks(const Blocks& blocks, const Values& values, std::uint8_t* output,
                  std::size_t size) {
  std::memset(output, 0, size);
  const std::uint64_t available = size / item / blocks.block;
  std::uint64_t position = 0, written = 0;
  for (const std::uint8_t gap : blocks.gaps) {
    position += gap;
    if (gap == kLongGap) continue;
    if (position >= available || written == blocks.count) return false;
    values.write<item>(written * blocks.block, blocks.block,
                       output + position * blocks.block * item);
    ++position;
    ++written;
  }
  return written == blocks.count;
}

// Sums up numbers that are stored as differences, modulo their size.
template <class Number>
void add_up(std::uint8_t* output, std::size_t size) {
  Number sum = 0;
  for (std::size_t at = 0; at < size; at += sizeof(Number)) {
    sum = static_cast<Number>(sum + ByteReader::load<Number>(output + at));
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      output[at + i] = static_cast<std::uint8_t>(sum >> (8 * i));
    }
  }
}

template <class Number>
bool read_items(ByteReader* from, std::uint8_t flags, std::uint8_t* output, std::size_t size) {
  constexpr int item = sizeof(Number);
  if (size % item != 0) return false;
  const bool is_sparse = flags & kSparse;
  Blocks blocks;
  if (is_sparse && !read_blocks(from, size / item, &blocks)) return false;
  const std::uint64_t count = is_sparse ? blocks.count * blocks.block : size / item;
  Values values;
  if (!values.read(from, item, flags & kCodebook, count)) return false;
  if (is_sparse) {
    if (!write_blocks<item>(blocks, values, output, size)) return false;
  } else {
    values.write<item>(0, count, output);
  }
  if (flags & kDifferences) add_up<Number>(output, size);
  return true;
}

}  // namespace

bool read_numbers(ByteReader* from, std::uint8_t* output, std::size_t size) {
  std::uint8_t item = 0, flags = 0;
  if (!from->number(&item) || !from->number(&flags)) return false;
  if (flags > (kDifferences | kSparse | kCodebook)) return false;
  switch (item) {
    case 1:
      return read_items<std::uint8_t>(from, flags, output, size);
    case 2:
      return read_items<std::uint16_t>(from, flags, output, size);
    case 4:
      return read_items<std::uint32_t>(from, flags, output, size);
    case 8:
      return read_items<std::uint64_t>(from, flags, output, size);
    default:
      return false;
  }
}

}  // namespace tfsparse
