#include "delegate/core/unpacking/inflate.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace tfsparse {
namespace {

constexpr int kLongestCode = 15;
constexpr int kLiterals = 288, kDistances = 32;
constexpr int kEndOfBlock = 256;

// Bits from the lowest of each byte on. After the last byte come zeros; `overrun` tells.
class Bits {
 public:
  Bits(const std::uint8_t* data, std::size_t size) : next_(data), end_(data + size) {}

  // At most 32 bits, which stay.
  std::uint32_t peek(int count) {
    while (held_ < 32) {
      if (next_ < end_) {
        buffer_ |= std::uint64_t{*next_++} << held_;
      } else {
        missing_ += 8;
      }
      held_ += 8;
    }
    return static_cast<std::uint32_t>(buffer_ & ((std::uint64_t{1} << count) - 1));
  }
  void drop(int count) {
    buffer_ >>= count;
    held_ -= count;
  }
  std::uint32_t take(int count) {
    const std::uint32_t bits = peek(count);
    drop(count);
    return bits;
  }
  bool overrun() const { return missing_ > held_; }

  // Skips to the next byte and copies whole bytes.
  bool copy(std::uint8_t* output, std::size_t count) {
    drop(held_ % 8);
    while (count > 0 && held_ > 0) {
      *output++ = static_cast<std::uint8_t>(take_held_byte());
      --count;
    }
    if (overrun() || count > static_cast<std::size_t>(end_ - next_)) return false;
    if (count > 0) std::memcpy(output, next_, count);
    next_ += count;
    return true;
  }

 private:
  std::uint64_t take_held_byte() {
    const std::uint64_t byte = buffer_ & 0xFF;
    drop(8);
    return byte;
  }

  const std::uint8_t* next_;
  const std::uint8_t* end_;
  std::uint64_t buffer_ = 0;
  int held_ = 0;
  std::int64_t missing_ = 0;  // bits in the buffer that no byte has
};

// A canonical Huffman code: shorter codes first, and in the order of the symbols.
class Code {
 public:
  // Returns whether the lengths, of which 0 stands for no code, make a code.
  bool make(const std::uint8_t* lengths, int count) {
    counts_.fill(0);
    for (int i = 0; i < count; ++i) ++counts_[lengths[i]];
    counts_[0] = 0;
    int free = 1;
    std::array<int, kLongestCode + 2> start{};
    for (int length = 1; length <= kLongestCode; ++length) {
      free = 2 * free - counts_[length];
      if (free < 0) return false;
      start[length + 1] = start[length] + counts_[length];
    }
    for (int i = 0; i < count; ++i) {
      if (lengths[i] != 0) symbols_[start[lengths[i]]++] = static_cast<std::uint16_t>(i);
    }
    make_table();
    // Unused codes are valid only where there is at most one symbol.
    return free == 0 || start[kLongestCode + 1] <= 1;
  }

  // The next symbol, or -1 for a code that has none.
  int read(Bits* bits) const {
    const std::uint32_t ahead = bits->peek(kLongestCode);
    const std::uint16_t entry = table_[ahead & (kTableSize - 1)];
    if (entry != 0) {
      bits->drop(entry & 15);
      return entry >> 4;
    }
    int code = 0, first = 0, index = 0;
    for (int length = 1; length <= kLongestCode; ++length) {
      code = 2 * code + static_cast<int>((ahead >> (length - 1)) & 1);
      first = 2 * first;
      if (code - first < counts_[length]) {
        bits->drop(length);
        return symbols_[index + code - first];
      }
      index += counts_[length];
      first += counts_[length];
    }
    return -1;
  }

 private:
  static constexpr int kTableBits = 10, kTableSize = 1 << kTableBits;

  // Entries are the symbol and the length of its code, and 0 where the code is longer.
  void make_table() {
    table_.fill(0);
    int code = 0, index = 0;
    for (int length = 1; length <= kTableBits; ++length, code *= 2) {
      for (int i = 0; i < counts_[length]; ++i, ++code, ++index) {
        int reversed = 0;
        for (int bit = 0; bit < length; ++bit)
          reversed |= ((code >> bit) & 1) << (length - 1 - bit);
        for (int at = reversed; at < kTableSize; at += 1 << length) {
          table_[at] = static_cast<std::uint16_t>(symbols_[index] << 4 | length);
        }
      }
    }
  }

  std::array<int, kLongestCode + 1> counts_;
  std::array<std::uint16_t, kLiterals> symbols_;
  std::array<std::uint16_t, kTableSize> table_;
};

// By symbol: the least length or distance, and how many bits are added to it.
struct LengthRange {
  int least, bits;
};

LengthRange length_of(int symbol) {
  const int group = symbol / 4 - 1;
  if (symbol == 28) return {258, 0};
  return group < 1 ? LengthRange{3 + symbol, 0}
                   : LengthRange{3 + ((4 + symbol % 4) << group), group};
}

LengthRange distance_of(int symbol) {
  const int group = symbol / 2 - 1;
  return group < 1 ? LengthRange{1 + symbol, 0}
                   : LengthRange{1 + ((2 + symbol % 2) << group), group};
}

struct Codes {
  Code literals, distances;
};

void make_fixed(Codes* codes) {
  std::array<std::uint8_t, kLiterals> lengths;
  std::fill_n(lengths.begin(), 144, std::uint8_t{8});
  std::fill_n(lengths.begin() + 144, 112, std::uint8_t{9});
  std::fill_n(lengths.begin() + 256, 24, std::uint8_t{7});
  std::fill_n(lengths.begin() + 280, 8, std::uint8_t{8});
  codes->literals.make(lengths.data(), kLiterals);
  std::array<std::uint8_t, kDistances> distances;
  distances.fill(5);
  codes->distances.make(distances.data(), kDistances);
}

// How often a symbol of the code of code lengths repeats a length. Returns 0 for none.
int repeats(int symbol, Bits* bits) {
  if (symbol < 16) return 1;
  if (symbol == 16) return 3 + static_cast<int>(bits->take(2));
  return symbol == 17 ? 3 + static_cast<int>(bits->take(3)) : 11 + static_cast<int>(bits->take(7));
}

bool read_codes(Bits* bits, Codes* codes) {
  static constexpr std::array<int, 19> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                 11, 4,  12, 3, 13, 2, 14, 1, 15};
  const int literals = 257 + static_cast<int>(bits->take(5));
  const int distances = 1 + static_cast<int>(bits->take(5));
  const int coded = 4 + static_cast<int>(bits->take(4));
  if (literals > kLiterals - 2 || distances > kDistances - 2) return false;
  std::array<std::uint8_t, 19> of_lengths{};
  for (int i = 0; i < coded; ++i) of_lengths[kOrder[i]] = static_cast<std::uint8_t>(bits->take(3));
  Code code;
  if (!code.make(of_lengths.data(), static_cast<int>(of_lengths.size()))) return false;
  std::array<std::uint8_t, kLiterals + kDistances> lengths{};
  for (int i = 0; i < literals + distances;) {
    const int symbol = code.read(bits);
    if (symbol < 0 || bits->overrun() || (symbol == 16 && i == 0)) return false;
    const int count = repeats(symbol, bits);
    if (count > literals + distances - i) return false;
    const int length = symbol < 16 ? symbol : symbol == 16 ? lengths[i - 1] : 0;
    std::fill_n(lengths.begin() + i, count, static_cast<std::uint8_t>(length));
    i += count;
  }
  return lengths[kEndOfBlock] != 0 && codes->literals.make(lengths.data(), literals) &&
         codes->distances.make(lengths.data() + literals, distances);
}

class Inflater {
 public:
  Inflater(const std::uint8_t* data, std::size_t data_size, std::uint8_t* output, std::size_t size)
      : bits_(data, data_size), output_(output), size_(size) {}

  bool run() {
    for (bool last = false; !last;) {
      last = bits_.take(1) != 0;
      const int kind = static_cast<int>(bits_.take(2));
      if (bits_.overrun() || kind == 3) return false;
      if (kind == 0) {
        if (!copy_block()) return false;
        continue;
      }
      if (kind == 1) make_fixed(&codes_);
      if (kind == 2 && !read_codes(&bits_, &codes_)) return false;
      if (!decode_block()) return false;
    }
    return done_ == size_;
  }

 private:
  bool copy_block() {
    std::uint8_t header[4];
    if (!bits_.copy(header, sizeof header)) return false;
    const unsigned count = header[0] | unsigned{header[1]} << 8;
    const unsigned inverse = header[2] | unsigned{header[3]} << 8;
    if ((count ^ inverse) != 0xFFFF || count > size_ - done_) return false;
    if (!bits_.copy(output_ + done_, count)) return false;
    done_ += count;
    return true;
  }

  bool decode_block() {
    while (!bits_.overrun()) {
      const int symbol = codes_.literals.read(&bits_);
      if (symbol == kEndOfBlock) return !bits_.overrun();
      if (symbol < 0 || symbol > kEndOfBlock + 29) return false;
      if (symbol > kEndOfBlock) {
        if (!repeat(length_of(symbol - kEndOfBlock - 1))) return false;
      } else {
        if (done_ == size_) return false;
        output_[done_++] = static_cast<std::uint8_t>(symbol);
      }
    }
    return false;
  }

  // Repeats earlier output.
  bool repeat(LengthRange lengths) {
    const std::size_t length = lengths.least + bits_.take(lengths.bits);
    const int symbol = codes_.distances.read(&bits_);
    if (symbol < 0 || symbol > 29) return false;
    const LengthRange distances = distance_of(symbol);
    const std::size_t distance = distances.least + bits_.take(distances.bits);
    if (distance > done_ || length > size_ - done_) return false;
    const std::uint8_t* from = output_ + done_ - distance;
    // The two may overlap: then what was just written is read.
    for (std::size_t i = 0; i < length; ++i) output_[done_ + i] = from[i];
    done_ += length;
    return true;
  }

  Bits bits_;
  Codes codes_;
  std::uint8_t* output_;
  std::size_t size_, done_ = 0;
};

}  // namespace

bool inflate(const std::uint8_t* data, std::size_t data_size, std::uint8_t* output,
             std::size_t size) {
  return Inflater(data, data_size, output, size).run();
}

}  // namespace tfsparse
