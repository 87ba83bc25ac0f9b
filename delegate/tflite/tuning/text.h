// Reading and writing small text files without C++ streams, which would double the library for
// Android.
#pragma once

#include <string>
#include <vector>

namespace tfsparse {

// The bytes of a file up to a megabyte; empty where it cannot be read.
std::string read_file(const std::string& path);

// Replaces a file as a whole: a reader sees the old or the new bytes. Returns whether it could.
bool replace_file(const std::string& path, const std::string& bytes);

// The texts between separators. What follows the last separator is one of them.
std::vector<std::string> split(const std::string& text, char separator);

// The same text with a space for every control character.
std::string printable(std::string text);

}  // namespace tfsparse
