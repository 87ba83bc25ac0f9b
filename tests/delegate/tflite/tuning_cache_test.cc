// Reading and writing the tuning cache, and damaged files.
#include <unistd.h>

#include <functional>
#include <thread>

#include "delegate/tflite/tuning/cache.h"
#include "delegate/tflite/tuning/processor.h"
#include "delegate/tflite/tuning/text.h"
#include "gtest/gtest.h"
#include "tests/delegate/tflite/temporary_file.h"

using namespace tfsparse;
using namespace tfsparse::testing;

namespace {

TuningEntry entry(std::uint64_t fingerprint, std::vector<int> operators = {0, 1, 2, 7}) {
  return {{fingerprint, 2, "avx2", "A processor", "1x8", "TFLite 2.21", "0.1"}, operators};
}

TEST(TuningCache, ReadsWhatWasWritten) {
  const TemporaryFile file;
  for (const std::vector<int>& operators :
       {std::vector<int>{}, {5}, {0, 1, 2, 3}, {0, 2, 3, 9, 10, 11, 500}}) {
    EXPECT_TRUE(write_tuning(file.path(), {entry(~0ull, operators)}));
    const std::vector<TuningEntry> read = read_tuning(file.path());
    ASSERT_EQ(read.size(), 1);
    EXPECT_EQ(read[0].key, entry(~0ull).key);
    EXPECT_EQ(read[0].operators, operators);
  }
}

TEST(TuningCache, FindsAnEntryByItsWholeKey) {
  const std::vector<TuningEntry> entries = {entry(1), entry(2)};
  EXPECT_EQ(find_entry(entries, entry(2).key), &entries[1]);
  const std::function<void(TuningKey&)> changes[] = {
      [](TuningKey& key) { key.fingerprint = 3; },   [](TuningKey& key) { key.threads = 1; },
      [](TuningKey& key) { key.kernels = "neon"; },  [](TuningKey& key) { key.processor += "!"; },
      [](TuningKey& key) { key.input_shapes = ""; }, [](TuningKey& key) { key.runtime = "2.22"; },
      [](TuningKey& key) { key.version = "0.2"; },
  };
  for (const auto& change : changes) {
    TuningKey key = entry(2).key;
    change(key);
    EXPECT_EQ(find_entry(entries, key), nullptr);
  }
}

TEST(TuningCache, ReplacesEntriesOfOtherVersionsOnly) {
  const TemporaryFile file;
  TuningEntry two_threads = entry(1), one_thread = entry(1), newer = entry(1), other = entry(1);
  one_thread.key.threads = 1;
  other.key.runtime = "Another 2.21";
  newer.key.runtime = "TFLite 2.22";
  EXPECT_TRUE(write_tuning(file.path(), {two_threads, one_thread, entry(2), other}));
  EXPECT_TRUE(write_tuning(file.path(), {newer}));
  const std::vector<TuningEntry> read = read_tuning(file.path());
  EXPECT_EQ(read.size(), 4);
  EXPECT_TRUE(find_entry(read, other.key));
  EXPECT_TRUE(find_entry(read, newer.key));
  EXPECT_TRUE(find_entry(read, one_thread.key));
  EXPECT_TRUE(find_entry(read, entry(2).key));
  EXPECT_FALSE(find_entry(read, two_threads.key));
}

TEST(TuningCache, DropsTheOldestEntriesFirst) {
  const TemporaryFile file;
  std::vector<TuningEntry> many;
  for (int i = 0; i < 600; ++i) many.push_back(entry(i));
  EXPECT_TRUE(write_tuning(file.path(), many));
  const std::vector<TuningEntry> read = read_tuning(file.path());
  ASSERT_EQ(read.size(), 500);
  EXPECT_EQ(read.front().key.fingerprint, 100);
}

TEST(TuningCache, KeepsTheNewestEntriesOfLargeModels) {
  const TemporaryFile file;
  std::vector<int> operators;  // every second one, so that they are no range
  for (int i = 0; i < 5000; ++i) operators.push_back(2 * i);
  std::vector<TuningEntry> many;
  for (int i = 0; i < 60; ++i) many.push_back(entry(i, operators));
  EXPECT_TRUE(write_tuning(file.path(), many));
  const std::vector<TuningEntry> read = read_tuning(file.path());
  EXPECT_GT(read.size(), 30);
  EXPECT_LT(read.size(), 60);
  ASSERT_TRUE(find_entry(read, entry(59).key));
  EXPECT_EQ(find_entry(read, entry(59).key)->operators.size(), operators.size());
}

TEST(TuningCache, KeepsTheEntriesOfConcurrentWriters) {
  constexpr int kWriters = 4, kEntries = 20;
  const TemporaryFile file;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&file, writer] {
      for (int i = 0; i < kEntries; ++i) {
        EXPECT_TRUE(write_tuning(file.path(), {entry(kEntries * writer + i)}));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(read_tuning(file.path()).size(), kWriters * kEntries);
}

TEST(TuningCache, FollowsSymbolicLinks) {
  const TemporaryFile file;
  const std::string link = file.path() + "-link";
  ASSERT_EQ(symlink(file.path().c_str(), link.c_str()), 0);
  EXPECT_TRUE(write_tuning(link, {entry(1)}));
  EXPECT_TRUE(find_entry(read_tuning(file.path()), entry(1).key));
  EXPECT_EQ(unlink(link.c_str()), 0);
}

TEST(TuningCache, LeavesOutDamagedLines) {
  const TemporaryFile file;
  EXPECT_TRUE(write_tuning(file.path(), {entry(1), entry(2)}));
  const std::string whole = read_file(file.path());
  const std::size_t header_size = whole.find('\n');
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (whole[i] == '\n') continue;
    std::string damaged = whole;
    damaged[i] ^= 1;
    file.write(damaged);
    EXPECT_EQ(read_tuning(file.path()).size(), (i < header_size ? 0 : 1));
  }
  for (const char* other : {"", "\n", "PK\x03\x04", "# tfsparse tuning 1\n"}) {
    file.write(other);
    EXPECT_TRUE(read_tuning(file.path()).empty());
  }
}

TEST(TuningCache, ReadsTheFirstEntriesOfAFileCutShort) {
  const TemporaryFile file;
  EXPECT_TRUE(write_tuning(file.path(), {entry(1), entry(2)}));
  const std::string whole = read_file(file.path());
  const std::size_t second = whole.find('\n', whole.find('\n') + 1);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    file.write(whole.substr(0, size));
    const std::size_t complete = (size >= second) + (size + 1 >= whole.size());
    EXPECT_EQ(read_tuning(file.path()).size(), complete);
  }
}

TEST(TuningCache, ReportsFilesThatCannotBeReadOrWritten) {
  EXPECT_TRUE(read_tuning("/no/such/folder/tuning.txt").empty());
  EXPECT_FALSE(write_tuning("/no/such/folder/tuning.txt", {entry(1)}));
  EXPECT_TRUE(read_tuning("/tmp").empty());
  EXPECT_FALSE(write_tuning("/tmp", {entry(1)}));
}

TEST(TuningCache, NamesTheProcessorInOneLine) {
  EXPECT_GT(processor_name().size(), 4);
  EXPECT_EQ(processor_name(), printable(processor_name()));
  EXPECT_EQ(printable("a\tb\nc"), "a b c");
}

}  // namespace
