#include "delegate/tflite/tuning/cache.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <tuple>

#include "delegate/core/graph/fingerprint.h"
#include "delegate/core/graph/hasher.h"
#include "delegate/tflite/tuning/processor.h"
#include "delegate/tflite/tuning/text.h"
#include "delegate/tfsparse_delegate.h"

namespace tfsparse {
namespace {

constexpr char kHeader[] = "# tfsparse tuning 2";
constexpr std::size_t kMostEntries = 500;  // the oldest are dropped first
constexpr char kSeparator = '\t';
constexpr int kFields = 9;

std::string hexadecimal(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "%016" PRIx64, value);
  return text;
}

std::string checksum(const std::string& line) {
  return hexadecimal(hash_bytes(line.data(), line.size(), 0));
}

// Parses the whole string as a number.
bool parse(const std::string& text, int base, std::uint64_t* value) {
  char* end = nullptr;
  errno = 0;
  *value = std::strtoull(text.c_str(), &end, base);
  return !text.empty() && text[0] != '-' && *end == '\0' && errno == 0;
}

// Ascending numbers as ranges: "0-3,7".
std::string write_ranges(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t first = 0, next; first < numbers.size(); first = next) {
    for (next = first + 1; next < numbers.size() && numbers[next] == numbers[next - 1] + 1;) ++next;
    text += (text.empty() ? "" : ",") + std::to_string(numbers[first]);
    if (next > first + 1) text += "-" + std::to_string(numbers[next - 1]);
  }
  return text;
}

bool read_ranges(const std::string& text, std::vector<int>* numbers) {
  constexpr std::uint64_t kMostOperators = 1 << 20;
  if (text.empty()) return true;
  for (const std::string& range : split(text, ',')) {
    const std::vector<std::string> ends = split(range, '-');
    std::uint64_t first, last;
    if (ends.size() > 2 || !parse(ends.front(), 10, &first) || !parse(ends.back(), 10, &last) ||
        last < first || last >= kMostOperators ||
        (!numbers->empty() && static_cast<int>(first) <= numbers->back())) {
      return false;
    }
    for (; first <= last; ++first) numbers->push_back(static_cast<int>(first));
  }
  return true;
}

std::string without_version(const std::string& runtime) {
  return runtime.substr(0, runtime.rfind(' '));
}

// A line of the file without its newline. The checksum is first.
std::string write_line(const TuningEntry& entry) {
  const TuningKey& key = entry.key;
  const std::string fields[] = {hexadecimal(key.fingerprint),
                                std::to_string(key.threads),
                                key.kernels,
                                key.processor,
                                key.input_shapes,
                                key.runtime,
                                key.version,
                                write_ranges(entry.operators)};
  std::string line;
  for (const std::string& field : fields) line += kSeparator + field;
  return checksum(line) + line;
}

bool read_line(const std::string& line, TuningEntry* entry) {
  const std::vector<std::string> fields = split(line, kSeparator);
  if (fields.size() != kFields || fields[0] != checksum(line.substr(fields[0].size())))
    return false;
  std::uint64_t threads;
  if (!parse(fields[1], 16, &entry->key.fingerprint) || !parse(fields[2], 10, &threads) ||
      !read_ranges(fields[8], &entry->operators)) {
    return false;
  }
  entry->key.threads = static_cast<int>(threads);
  entry->key.kernels = fields[3];
  entry->key.processor = fields[4];
  entry->key.input_shapes = fields[5];
  entry->key.runtime = fields[6];
  entry->key.version = fields[7];
  return true;
}

}  // namespace

bool TuningKey::operator==(const TuningKey& other) const {
  return same_but_versions(other) &&
         std::tie(runtime, version) == std::tie(other.runtime, other.version);
}

bool TuningKey::same_but_versions(const TuningKey& other) const {
  return std::tie(fingerprint, threads, kernels, processor, input_shapes) ==
             std::tie(other.fingerprint, other.threads, other.kernels, other.processor,
                      other.input_shapes) &&
         without_version(runtime) == without_version(other.runtime);
}

TuningKey tuning_key(const Graph& graph, const Options& options, int threads) {
  return {fingerprint(graph),
          threads,
          options.kernels->name,
          processor_name(),
          printable(options.input_shapes_text),
          printable(options.runtime_version),
          TFSPARSE_VERSION};
}

const TuningEntry* find_entry(const std::vector<TuningEntry>& entries, const TuningKey& key) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const TuningEntry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

std::vector<TuningEntry> read_tuning(const std::string& path) {
  std::vector<std::string> lines = split(read_file(path), '\n');
  if (lines.front() != kHeader) return {};
  std::vector<TuningEntry> entries;
  for (const std::string& line : lines) {
    TuningEntry entry;
    if (read_line(line, &entry)) entries.push_back(std::move(entry));
  }
  return entries;
}

bool write_tuning(const std::string& path, const std::vector<TuningEntry>& entries) {
  const FileLock lock(path);  // lest entries that another process adds meanwhile be lost
  std::vector<TuningEntry> all = read_tuning(path);
  for (const TuningEntry& entry : entries) {
    all.erase(std::remove_if(
                  all.begin(), all.end(),
                  [&](const TuningEntry& old) { return old.key.same_but_versions(entry.key); }),
              all.end());
    all.push_back(entry);
  }
  const std::string header = std::string(kHeader) + "\n";
  std::vector<std::string> newest;  // newest first, as many as read_tuning accepts
  std::size_t bytes = header.size();
  for (auto old = all.rbegin(); old != all.rend() && newest.size() < kMostEntries; ++old) {
    std::string line = write_line(*old) + "\n";
    bytes += line.size();
    if (bytes > kMostFileBytes) break;
    newest.push_back(std::move(line));
  }
  std::string text = header;
  for (auto line = newest.rbegin(); line != newest.rend(); ++line) text += *line;
  return replace_file(path, text);
}

}  // namespace tfsparse
