// The tuning cache: a text file of measured decisions, the operators to take from a graph.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/tflite/options.h"

namespace tfsparse {

// Everything that a measured decision depends on.
struct TuningKey {
  std::uint64_t fingerprint = 0;  // of the subgraph
  int threads = 1;                // of the delegate
  std::string kernels;            // instruction set and precision
  std::string processor;
  std::string input_shapes;  // of a resized model; empty for the file's
  std::string runtime;       // TFLite's name and version from the host, with a space between
  std::string version;       // of tfsparse

  bool operator==(const TuningKey& other) const;
  // Whether the keys differ in versions only, of tfsparse or the same runtime. The older entry is
  // then obsolete.
  bool same_but_versions(const TuningKey& other) const;
};

struct TuningEntry {
  TuningKey key;
  std::vector<int> operators;  // taken by the delegate: ids, ascending
};

TuningKey tuning_key(const Graph& graph, const Options& options, int threads);

// The entry with this key, or null.
const TuningEntry* find_entry(const std::vector<TuningEntry>& entries, const TuningKey& key);

// Reads a file. Skips damaged lines. A missing file or one in another format has no entries.
std::vector<TuningEntry> read_tuning(const std::string& path);

// Adds entries to a file and drops those that they make obsolete. Returns whether the file could be
// written.
bool write_tuning(const std::string& path, const std::vector<TuningEntry>& entries);

}  // namespace tfsparse
