// Reading and writing small text files without C++ streams, which would double the library for
// Android.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tfsparse {

constexpr std::size_t kMostFileBytes = 1 << 20;

// The first bytes of a file, at most kMostFileBytes; empty where it cannot be read.
std::string read_file(const std::string& path);

// Keeps others who lock the same file away from it, other processes and threads, until the object
// ends. It is the folder that is locked, because replace_file puts another file in the place. Where
// the file system has no locks, nobody is kept away.
class FileLock {
 public:
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int folder_;
};

// Replaces a file as a whole: a reader sees the old or the new bytes. A symbolic link stays one.
// Returns whether it could.
bool replace_file(const std::string& path, const std::string& bytes);

// The texts between separators. What follows the last separator is one of them.
std::vector<std::string> split(const std::string& text, char separator);

// The same text with a space for every control character.
std::string printable(std::string text);

}  // namespace tfsparse
