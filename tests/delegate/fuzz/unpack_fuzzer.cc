// Any archive with right checksums gives a file or an error, within its memory.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "delegate/core/unpacking/crc32.h"
#include "delegate/core/unpacking/unpack.h"

using namespace tfsparse;

namespace {

// The fuzzer would not find checksums, so its bytes are what is between them.
std::vector<std::uint8_t> archive_of(std::uint64_t size, const std::uint8_t* data,
                                     std::size_t data_size) {
  std::vector<std::uint8_t> archive(20 + data_size + 4);
  std::memcpy(archive.data(), "TFSPACK1", 8);
  for (int i = 0; i < 8; ++i) archive[8 + i] = static_cast<std::uint8_t>(size >> (8 * i));
  if (data_size > 0) std::memcpy(archive.data() + 20, data, data_size);
  const std::uint32_t checksum = crc32(archive.data(), archive.size() - 4);
  for (int i = 0; i < 4; ++i) archive[20 + data_size + i] = (checksum >> (8 * i)) & 0xFF;
  return archive;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t file_size = data[0] | data[1] << 8;
  const auto archive = archive_of(file_size, data + 2, size - 2);
  std::vector<std::uint8_t> file(file_size);
  std::uint64_t told = 0;
  if (!unpacked_size(archive.data(), archive.size(), &told).ok() || told != file_size) {
    std::abort();
  }
  const Status status = unpack(archive.data(), archive.size(), file.data(), file.size());
  if (!status.ok() && status.message().find("checksum is not") != std::string::npos) std::abort();
  return 0;
}
