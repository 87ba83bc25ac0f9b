#include "delegate/core/unpacking/unpack.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "delegate/core/unpacking/byte_reader.h"
#include "delegate/core/unpacking/crc32.h"
#include "delegate/core/unpacking/inflate.h"
#include "delegate/core/unpacking/numbers.h"

namespace tfsparse {
namespace {

constexpr char kMagic[] = "TFSPACK1";
constexpr std::size_t kMagicSize = sizeof kMagic - 1;
constexpr std::size_t kChecksumSize = 4;
constexpr std::size_t kHeaderSize = kMagicSize + 8 + kChecksumSize;

enum Kind : std::uint8_t { kPlainFile, kDeflatedFile };

struct Header {
  std::uint64_t size = 0;
  std::uint32_t checksum = 0;
};

Status damaged(const std::string& what) {
  return Status::error("the archive is damaged or cut short: " + what + ". Copy it again.");
}

// Reads the header, after which `from` has what follows it.
Status read_header(const std::uint8_t* archive, std::size_t size, Header* header,
                   ByteReader* from) {
  const auto received = std::to_string(size) + (size == 1 ? " byte" : " bytes");
  if (size < kMagicSize || std::memcmp(archive, kMagic, kMagicSize) != 0) {
    return Status::error("expected an archive of tfsparse.pack, which begins with " +
                         std::string(kMagic) + ". Received: " + received + " of something else");
  }
  if (size < kHeaderSize + kChecksumSize) return damaged("it has " + received);
  const std::size_t end = size - kChecksumSize;
  if (crc32(archive, end) != ByteReader::load<std::uint32_t>(archive + end)) {
    return damaged("its checksum is not that of its " + received);
  }
  *from = ByteReader(archive + kMagicSize, end - kMagicSize);
  from->number(&header->size);
  from->number(&header->checksum);
  if (header->size > SIZE_MAX) return damaged("the file would not fit into memory");
  return {};
}

// An array in the file, and how many bytes of the rest are before it.
struct Span {
  std::uint64_t before = 0, size = 0;
};

// Reads where the arrays of a file are. Returns whether they fit into its `size`, and sets how much
// is left for the rest.
bool read_spans(ByteReader* from, std::size_t size, std::vector<Span>* spans, std::size_t* rest) {
  std::uint64_t count = 0;
  // Each takes at least a byte for both numbers.
  if (!from->varint(&count) || count > from->left() / 2) return false;
  spans->resize(static_cast<std::size_t>(count));
  std::size_t left = size;
  *rest = size;
  for (Span& span : *spans) {
    if (!from->varint(&span.before) || !from->varint(&span.size)) return false;
    if (span.before > left || span.size > left - span.before) return false;
    left -= static_cast<std::size_t>(span.before + span.size);
    *rest -= static_cast<std::size_t>(span.size);
  }
  return true;
}

// Decodes the rest of a file, which is all but its arrays.
bool read_rest(ByteReader* from, std::vector<std::uint8_t>* rest) {
  std::uint8_t kind = 0;
  std::uint64_t packed = 0;
  const std::uint8_t* bytes = nullptr;
  if (!from->number(&kind) || !from->varint(&packed) || !from->bytes(packed, &bytes)) return false;
  if (kind == kDeflatedFile) {
    return inflate(bytes, static_cast<std::size_t>(packed), rest->data(), rest->size());
  }
  if (kind != kPlainFile || packed != rest->size()) return false;
  std::copy_n(bytes, rest->size(), rest->begin());
  return true;
}

bool read_file(ByteReader* from, std::uint8_t* output, std::size_t size) {
  std::vector<Span> spans;
  std::size_t rest_size = 0;
  if (!read_spans(from, size, &spans, &rest_size)) return false;
  std::vector<std::uint8_t> rest(rest_size);
  if (!read_rest(from, &rest)) return false;
  auto next = rest.cbegin();
  for (const Span& span : spans) {
    const auto before = static_cast<std::ptrdiff_t>(span.before);
    output = std::copy(next, next + before, output);
    next += before;
    if (!read_numbers(from, output, static_cast<std::size_t>(span.size))) return false;
    output += span.size;
  }
  std::copy(next, rest.cend(), output);
  return from->left() == 0;
}

}  // namespace

Status unpacked_size(const std::uint8_t* archive, std::size_t archive_size, std::uint64_t* size) {
  Header header;
  ByteReader content(nullptr, 0);
  TFSPARSE_RETURN_IF_ERROR(read_header(archive, archive_size, &header, &content));
  *size = header.size;
  return {};
}

Status unpack(const std::uint8_t* archive, std::size_t archive_size, std::uint8_t* output,
              std::size_t size) {
  Header header;
  ByteReader content(nullptr, 0);
  TFSPARSE_RETURN_IF_ERROR(read_header(archive, archive_size, &header, &content));
  if (header.size != size) {
    return Status::error("expected memory for the " + std::to_string(header.size) +
                         " bytes of the file. Received: memory for " + std::to_string(size));
  }
  if (!read_file(&content, output, size)) return damaged("it cannot be decoded");
  if (crc32(output, size) != header.checksum) return damaged("the file has another checksum");
  return {};
}

}  // namespace tfsparse
