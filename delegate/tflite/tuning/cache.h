// The tuning cache: which operators of a graph to take, as was measured, in a text file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/tflite/options.h"

namespace tfsparse {

// All that a measured decision depends on.
struct TuningKey {
  std::uint64_t fingerprint = 0;  // of the subgraph
  int threads = 1;                // of the delegate
  std::string kernels;            // instruction set and precision
  std::string processor;
  std::string input_shapes;  // to which the model is resized; empty for the shapes in the file
  std::string runtime;       // TFLite's name, a space and the version, as the host tells it
  std::string version;       // of tfsparse

  bool operator==(const TuningKey& other) const;
  // Whether only versions differ, of tfsparse or of the same runtime: of two such decisions the
  // older is of no use any more.
  bool same_but_versions(const TuningKey& other) const;
};

struct TuningEntry {
  TuningKey key;
  std::vector<int> operators;  // that the delegate takes, by their ids in ascending order
};

TuningKey tuning_key(const Graph& graph, const Options& options, int threads);

// The entry of a key, or null.
const TuningEntry* find_entry(const std::vector<TuningEntry>& entries, const TuningKey& key);

// Reads a file. Damaged lines are left out; a file that is missing or none of ours has no entries.
std::vector<TuningEntry> read_tuning(const std::string& path);

// Adds entries to a file, in the place of those of the same graphs that they make useless. Returns
// whether the file could be written.
bool write_tuning(const std::string& path, const std::vector<TuningEntry>& entries);

}  // namespace tfsparse
