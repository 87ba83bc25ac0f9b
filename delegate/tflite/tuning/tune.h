// Autotuning: measures which parts of a model the delegate runs faster than TFLite's default.
#pragma once

#include <vector>

#include "delegate/tflite/options.h"
#include "delegate/tflite/tuning/cache.h"
#include "delegate/tflite/tuning/latency.h"
#include "delegate/tfsparse_delegate.h"

namespace tfsparse {

// A connected part of a model, and what was decided about it.
struct TunedPart {
  int subgraph = 0;            // in the order in which the runtime shows them
  std::vector<int> operators;  // ids
  bool taken = false;
  double speedup = 0;  // of the whole model by this part and those like it; 0 if not measured
};

struct TuneResult {
  bool measured = false;  // otherwise the cache had an entry for the model, or it has no parts
  bool saved = false;     // whether the tuning cache has it now
  // Of an inference by TFLite's default, and with tfsparse as decided; with all parts where none
  // is faster. 0 if not measured.
  Latency baseline, candidate;
  std::vector<TunedPart> parts;
  std::vector<TuningEntry> entries;  // for a delegate to follow
};

// Looks a model up in the tuning cache `options.tuning`, and measures it where it is not there. The
// host's functions are called by this thread only. Fails where the host does.
Status tune(const Options& options, const TfSparseTuneHost& host, Clock* clock, TuneResult* result);

}  // namespace tfsparse
