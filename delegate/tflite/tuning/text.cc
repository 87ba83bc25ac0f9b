#include "delegate/tflite/tuning/text.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
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

// The target of a symbolic link. The path itself if the file does not exist.
std::string resolve(const std::string& path) {
  char* const resolved = realpath(path.c_str(), nullptr);
  const std::string target = resolved == nullptr ? path : resolved;
  std::free(resolved);
  return target;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

FileLock::FileLock(const std::string& path)
    : folder_(open(folder_of(resolve(path)).c_str(), O_RDONLY | O_CLOEXEC)) {
  while (folder_ >= 0 && flock(folder_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

FileLock::~FileLock() {
  if (folder_ < 0) return;
  flock(folder_, LOCK_UN);  // a forked process may still have the folder open
  close(folder_);
}

std::string read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return "";
  std::string bytes(kMostFileBytes, '\0');
  bytes.resize(std::fread(&bytes[0], 1, bytes.size(), file));
  std::fclose(file);
  return bytes;
}

bool replace_file(const std::string& path, const std::string& bytes) {
  const std::string target = resolve(path);
  std::string temporary = target + ".XXXXXX";  // in the same folder, so that rename works
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
