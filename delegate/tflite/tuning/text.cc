#include "delegate/tflite/tuning/text.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace tfsparse {
namespace {

bool write_all(int file, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = write(file, bytes.data() + done, bytes.size() - done);
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

std::string read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return "";
  std::string bytes(kMostFileBytes, '\0');
  bytes.resize(std::fread(&bytes[0], 1, bytes.size(), file));
  std::fclose(file);
  return bytes;
}

bool replace_file(const std::string& path, const std::string& bytes) {
  char* const resolved = realpath(path.c_str(), nullptr);  // null where there is no file yet
  const std::string target = resolved == nullptr ? path : resolved;
  std::free(resolved);
  std::string temporary = target + ".XXXXXX";  // in the same folder, so that it can be renamed
  const int file = mkstemp(&temporary[0]);
  if (file < 0) return false;
  bool done = write_all(file, bytes);
  done = close(file) == 0 && done;
  done = done && std::rename(temporary.c_str(), target.c_str()) == 0;
  if (!done) unlink(temporary.c_str());
  return done;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return text;
}

}  // namespace tfsparse
