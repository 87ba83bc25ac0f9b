// The coder is a range variant of asymmetric numeral systems (rANS), from Duda, "Asymmetric numeral
// systems", 2013 (https://arxiv.org/abs/1311.2540). Several states take turns, so that a processor
// works on all of them at once.
#include "delegate/core/unpacking/symbols.h"

#include <algorithm>
#include <array>
#include <memory>

namespace tfsparse {
namespace {

enum Mode : std::uint8_t { kStored, kConstant, kCoded };

constexpr int kFrequencyBits = 12;
constexpr std::uint32_t kFrequencies = 1 << kFrequencyBits;
constexpr std::uint32_t kLeastState = 1 << 16;  // a state takes 16 bits when it falls below
constexpr int kFewLanes = 4, kManyLanes = 32;

// For each of the low bits of a state: the symbol, its frequency, and how many of its bits are
// below.
struct Entry {
  std::uint32_t packed;

  static Entry of(std::uint32_t symbol, std::uint32_t frequency, std::uint32_t offset) {
    return {frequency << 20 | offset << 8 | symbol};
  }
  std::uint32_t frequency() const { return packed >> 20; }
  std::uint32_t offset() const { return packed >> 8 & (kFrequencies - 1); }
  std::uint8_t symbol() const { return static_cast<std::uint8_t>(packed); }
};
using DecodingTable = std::array<Entry, kFrequencies>;

bool read_table(ByteReader* from, DecodingTable* table) {
  std::uint64_t symbols = 0;
  if (!from->varint(&symbols) || symbols > 256) return false;
  std::uint32_t filled = 0;
  for (std::uint32_t symbol = 0; symbol < symbols; ++symbol) {
    std::uint64_t frequency = 0;
    // A symbol that is the only one has no coded stream.
    if (!from->varint(&frequency) || frequency >= kFrequencies) return false;
    if (frequency > kFrequencies - filled) return false;
    for (std::uint32_t i = 0; i < frequency; ++i) {
      (*table)[filled++] = Entry::of(symbol, static_cast<std::uint32_t>(frequency), i);
    }
  }
  return filled == kFrequencies;
}

// The words that states take when they run low, the first ones first.
struct Words {
  const std::uint8_t* next;
  std::uint64_t left;

  std::uint32_t take() {
    const std::uint32_t word = ByteReader::load<std::uint16_t>(next);
    next += 2;
    --left;
    return word;
  }
};

// Decodes a symbol of each lane.
template <int lanes>
void step(const DecodingTable& table, std::uint32_t* states, Words* words, std::uint8_t* output) {
  for (int lane = 0; lane < lanes; ++lane) {
    const std::uint32_t state = states[lane];
    const Entry entry = table[state & (kFrequencies - 1)];
    std::uint32_t next = entry.frequency() * (state >> kFrequencyBits) + entry.offset();
    if (next < kLeastState) next = next << 16 | words->take();
    states[lane] = next;
    output[lane] = entry.symbol();
  }
}

// Decodes a symbol of the first lanes. Returns whether there were words enough.
bool careful_step(const DecodingTable& table, int lanes, std::uint32_t* states, Words* words,
                  std::uint8_t* output) {
  for (int lane = 0; lane < lanes; ++lane) {
    const bool runs_low = [&] {
      const Entry entry = table[states[lane] & (kFrequencies - 1)];
      return entry.frequency() * (states[lane] >> kFrequencyBits) + entry.offset() < kLeastState;
    }();
    if (runs_low && words->left == 0) return false;
    step<1>(table, states + lane, words, output + lane);
  }
  return true;
}

template <int lanes>
bool read_coded(const DecodingTable& table, ByteReader* from, std::vector<std::uint8_t>* symbols) {
  Words words{};
  std::uint32_t states[lanes];
  if (!from->varint(&words.left)) return false;
  for (std::uint32_t& state : states) {
    if (!from->number(&state) || state < kLeastState) return false;
  }
  if (words.left > from->left() / 2 || !from->bytes(2 * words.left, &words.next)) return false;
  const std::size_t count = symbols->size();
  std::uint8_t* output = symbols->data();
  std::size_t done = 0;
  for (; count - done >= lanes && words.left >= lanes; done += lanes) {
    step<lanes>(table, states, &words, output + done);
  }
  for (; done < count; done += lanes) {
    const int active = static_cast<int>(std::min<std::size_t>(lanes, count - done));
    if (!careful_step(table, active, states, &words, output + done)) return false;
  }
  // The encoder began with these.
  const auto is_first = [](std::uint32_t state) { return state == kLeastState; };
  return words.left == 0 && std::all_of(states, states + lanes, is_first);
}

}  // namespace

bool read_symbols(ByteReader* from, std::uint64_t count, std::vector<std::uint8_t>* symbols) {
  std::uint8_t mode = 0, lanes = 0;
  if (!from->number(&mode)) return false;
  if (mode == kStored) {
    const std::uint8_t* bytes = nullptr;
    if (!from->bytes(count, &bytes)) return false;
    symbols->assign(bytes, bytes + count);
    return true;
  }
  if (mode == kConstant) {
    std::uint8_t symbol = 0;
    if (!from->number(&symbol)) return false;
    symbols->assign(static_cast<std::size_t>(count), symbol);
    return true;
  }
  const auto table = std::make_unique<DecodingTable>();
  if (mode != kCoded || !from->number(&lanes) || !read_table(from, table.get())) return false;
  symbols->resize(static_cast<std::size_t>(count));
  if (lanes == kFewLanes) return read_coded<kFewLanes>(*table, from, symbols);
  return lanes == kManyLanes && read_coded<kManyLanes>(*table, from, symbols);
}

}  // namespace tfsparse
