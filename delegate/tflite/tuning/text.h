// Reads and writes small text files. C++ streams would double the size of the Android library.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tfsparse {

constexpr std::size_t kMostFileBytes = 1 << 20;

// The first kMostFileBytes of a file, or an empty string if it cannot be read.
std::string read_file(const std::string& path);

// Holds an exclusive lock, among processes and threads, for a file. Locks its folder, because
// replace_file replaces the file itself. Has no effect on file systems without locks.
class FileLock {
 public:
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int folder_;
};

// Replaces a file atomically: readers see the old or the new bytes. Keeps a symbolic link. Returns
// whether it succeeded.
bool replace_file(const std::string& path, const std::string& bytes);

// Splits a string. The part behind the last separator counts too.
std::vector<std::string> split(const std::string& text, char separator);

// Replaces control characters by spaces.
std::string printable(std::string text);

}  // namespace tfsparse
