#include "delegate/core/unpacking/unpack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "delegate/core/unpacking/crc32.h"
#include "delegate/core/unpacking/inflate.h"

namespace tfsparse {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes from_hex(const std::string& text) {
  Bytes bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

void append_text(const std::string& text, Bytes* bytes) {
  bytes->insert(bytes->end(), text.begin(), text.end());
}

template <class Number>
void append(Number number, Bytes* bytes) {
  for (std::size_t i = 0; i < sizeof number; ++i) {
    bytes->push_back(static_cast<std::uint8_t>(number >> (8 * i)));
  }
}

// Made by tfsparse.packing of the file below: blocks, a codebook, differences, a constant, long
// gaps, few and many lanes, and the rest in DEFLATE.
const char kArchive[] =
    "5446535041434b3198180000000000007af48ac80504d80404c00704e01204b00204d00f0115cb4b2d29cf2fca"
    "56284fcd4ccf282956c843e303000102041e1e0204058901000000f71e0032302600f35201002d4701002d4701"
    "0002040600e604ab09e6080089090cc8f0cb0870538c081b3cb604b11a1a0515e30dae6e296a1b0b1166e2172f"
    "25590644e984382e0f9704060150500204033300cd1f00019066001b4b01001b4b01001b4b0100100000803f00"
    "00903f0000a03f0000b03f0000c03f0000d03f0000e03f0000f03f000000400000104000002040000030400000"
    "404000005040000060400000704000000306090c0f0205080b0e0104070a0d000306090c0f0205080b0e010407"
    "0a0d000306090c0f0205080b0e0104070a0d000306090c0f0205080b0e0104070a0d000306090c0f0205080b0e"
    "0104070a0d020102200503ae1f00004f0101300200721f0200b8686c00721f02000ab4a615721f0200327d6c00"
    "721f02002facae15721f020072b76c00721f0200ff00b515721f02004dda6c00721f02005f306a00dd140200c7"
    "a73615dd140200d24d6a00dd14020021373f15dd1402004e7a6a00dd1402001dd24515dd140200eea26a00dd14"
    "0200a7865115dd140200c8cd010008040100000000000000000100010202020500ff5fffff8a0005000006dbd6"
    "d64d";

Bytes expected_file() {
  Bytes file;
  append_text("netw", &file);
  for (int i = 0; i < 600; ++i) append<std::uint8_t>(i / 4 % 5 == 0 ? i * i % 7 + 1 : 0, &file);
  append_text("ork ", &file);
  for (int i = 0; i < 240; ++i) {
    append<std::uint32_t>(i % 3 == 0 ? 0x3F800000u + (i % 16 << 20) : 0, &file);
  }
  append_text("weig", &file);
  for (int i = 0; i < 1200; ++i) append<std::uint16_t>(i + i / 50 * 3, &file);
  append_text("hts ", &file);
  file.resize(file.size() + 304);
  append_text("netw", &file);
  Bytes gaps(2000);
  gaps[700] = 5;
  gaps[1999] = 6;
  file.insert(file.end(), gaps.begin(), gaps.end());
  append_text("ork weights ", &file);
  return file;
}

// Sets the checksum at the end of an archive to that of the rest.
void correct_checksum(Bytes* archive) {
  const std::size_t end = archive->size() - 4;
  const std::uint32_t checksum = crc32(archive->data(), end);
  for (int i = 0; i < 4; ++i) (*archive)[end + i] = static_cast<std::uint8_t>(checksum >> (8 * i));
}

std::string error_of(const Bytes& archive, std::size_t size) {
  Bytes file(size);
  // A copy of the exact size, for sanitizers.
  const Bytes copy(archive);
  return unpack(copy.data(), copy.size(), file.data(), file.size()).message();
}

TEST(Crc32, IsThatOfZlib) {
  const std::string text = "123456789";
  EXPECT_EQ(crc32(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), 0xCBF43926u);
  EXPECT_EQ(crc32(nullptr, 0), 0u);
}

struct Deflated {
  const char* data;
  std::string text;
};

std::string varied_text() {
  std::string text;
  for (int k = 0; k < 160; ++k) {
    text += static_cast<char>(97 + (k % 3 ? std::min((k * k * 7 + k) % 29 / 3, 9) : 0));
  }
  return text;
}

const Deflated kDeflated[] = {
    {"010300fcff616263", "abc"},                                               // stored
    {"2b2e482c2a4e552846a1f2524bcaf38bb201", "sparse sparse sparse network"},  // fixed codes
    // Codes of its own.
    {"ad8cdb0900400cc2664d6d4bdd7f817bad701f4630200276866a346432a26b0f3c2533a6e3308d8232f8aadb2e"
     "4238f1107d68f1eb7601",
     varied_text()},
};

TEST(Inflate, DecodesEveryKindOfBlock) {
  for (const Deflated& each : kDeflated) {
    const Bytes data = from_hex(each.data);
    std::string output(each.text.size(), ' ');
    auto* bytes = reinterpret_cast<std::uint8_t*>(&output[0]);
    ASSERT_TRUE(inflate(data.data(), data.size(), bytes, output.size()));
    EXPECT_EQ(output, each.text);
  }
}

TEST(Inflate, RefusesAnotherSizeAndMissingBytes) {
  for (const Deflated& each : kDeflated) {
    const Bytes data = from_hex(each.data);
    for (int more : {-1, 1}) {
      Bytes output(each.text.size() + more);
      EXPECT_FALSE(inflate(data.data(), data.size(), output.data(), output.size()));
    }
    for (std::size_t size = 0; size < data.size(); ++size) {
      const Bytes cut(data.begin(), data.begin() + size);
      Bytes output(each.text.size());
      EXPECT_FALSE(inflate(cut.data(), cut.size(), output.data(), output.size())) << size;
    }
  }
}

TEST(Unpack, GivesTheFile) {
  const Bytes archive = from_hex(kArchive), expected = expected_file();
  std::uint64_t size = 0;
  ASSERT_EQ(unpacked_size(archive.data(), archive.size(), &size).message(), "");
  ASSERT_EQ(size, expected.size());
  Bytes file(size);
  ASSERT_EQ(unpack(archive.data(), archive.size(), file.data(), file.size()).message(), "");
  EXPECT_EQ(file, expected);
}

TEST(Unpack, SaysWhatItReceived) {
  const Bytes archive = from_hex(kArchive);
  EXPECT_NE(error_of({}, 0).find("begins with TFSPACK1. Received: 0 bytes"), std::string::npos);
  EXPECT_NE(error_of({archive.begin(), archive.begin() + 8}, 0).find("cut short: it has 8 bytes"),
            std::string::npos);
  EXPECT_NE(error_of(archive, 7).find("Received: memory for 7"), std::string::npos);
}

TEST(Unpack, RefusesDamage) {
  const Bytes archive = from_hex(kArchive);
  const std::size_t size = expected_file().size();
  for (std::size_t i = 0; i < archive.size(); ++i) {
    Bytes damaged = archive;
    damaged[i] ^= 1 << i % 8;
    EXPECT_NE(error_of(damaged, size), "") << i;
    EXPECT_NE(error_of({archive.begin(), archive.begin() + i}, size), "") << i;
  }
}

// Under AddressSanitizer nothing outside of the memory is touched, whatever the archive says.
TEST(Unpack, RefusesWhatRightChecksumsDoNotGiveAway) {
  const Bytes archive = from_hex(kArchive), expected = expected_file();
  for (std::size_t i = 16; i < archive.size() - 4; ++i) {
    for (int value : {0, 1, 0x7F, 0x80, 0xFF, archive[i] ^ 1, archive[i] ^ 0x40}) {
      Bytes damaged = archive;
      damaged[i] = static_cast<std::uint8_t>(value);
      correct_checksum(&damaged);
      Bytes file(expected.size());
      const Status status = unpack(damaged.data(), damaged.size(), file.data(), file.size());
      // Some bytes have no meaning, such as those after the end of DEFLATE.
      EXPECT_TRUE(!status.ok() || file == expected) << i << ": " << value;
    }
  }
}

}  // namespace
}  // namespace tfsparse
