// A path that a test may write to. The file is removed with the object.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace tfsparse {
namespace testing {

class TemporaryFile {
 public:
  TemporaryFile() { close(mkstemp(&path_[0])); }
  explicit TemporaryFile(const std::string& bytes) : TemporaryFile() { write(bytes); }
  ~TemporaryFile() { remove(); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  void remove() const { std::remove(path_.c_str()); }
  void write(const std::string& bytes) const {
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
  }

 private:
  std::string path_ = "/tmp/tfsparse-test-XXXXXX";
};

}  // namespace testing
}  // namespace tfsparse
