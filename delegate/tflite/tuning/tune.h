// Autotuning: measures for which parts of a model the delegate is faster than TFLite's default.
#pragma once

#include <vector>

#include "delegate/tflite/options.h"
#include "delegate/tflite/tuning/cache.h"
#include "delegate/tflite/tuning/latency.h"
#include "delegate/tfsparse_delegate.h"

namespace tfsparse {

// A connected part of a model and the decision on it.
struct TunedPart {
  int subgraph = 0;            // in the order of the runtime
  std::vector<int> operators;  // ids
  bool taken = false;
  double speedup = 0;  // gain of the whole model from this part and similar ones; 0 if not measured
};

struct TuneResult {
  bool measured = false;  // false if the cache had an entry or the model has no parts
  bool saved = false;     // whether the tuning cache has the model
  // Latencies with TFLite's default and with the decision (or with all parts, if none is faster). 0
  // if not measured.
  Latency baseline, candidate;
  std::vector<TunedPart> parts;
  std::vector<TuningEntry> entries;  // for a delegate to follow
};

// Looks the model up in the tuning cache `options.tuning` and measures it if there is no entry.
// Calls the host's functions on this thread only. Fails if the host fails.
Status tune(const Options& options, const TfSparseTuneHost& host, Clock* clock, TuneResult* result);

}  // namespace tfsparse
