#include "delegate/tflite/profile.h"

#include <cstdio>

#include "delegate/tflite/units.h"

namespace tfsparse {
namespace {

// Prints the time, the GFLOP/s on nonzeros, the kernel and the node.
void print_step(const StepPart& part, double seconds, const Graph& graph, const GraphIndex& index) {
  const int first = index.first_node(part.node_id);
  const Node* node = first >= 0 ? &graph.nodes[first] : nullptr;
  std::fprintf(stderr, "%9.1f us ", 1e6 * seconds);
  if (part.macs > 0 && seconds > 0) {
    std::fprintf(stderr, "%6.1f GFLOP/s", 2e-9 * part.macs / seconds);
  } else {
    std::fprintf(stderr, "%14s", "");
  }
  std::fprintf(stderr, "  %-36s %s %s\n", part.kernel.c_str(), node ? node->type.c_str() : "",
               node ? graph.tensors[node->output].name.c_str() : "");
}

}  // namespace

void print_profile(const PlacedPartition& placed, const Shown& shown) {
  const Plan* plan = placed.partition->plan();
  if (plan == nullptr || plan->runs() == 0) return;
  const GraphIndex index(shown.graph);
  double total = 0;
  std::fprintf(stderr, "tfsparse: the fastest of %d run(s) of each step, %d thread(s)\n",
               plan->runs(), placed.partition->threads());
  if (placed.owner->lacks_fp16()) {
    std::fprintf(stderr, "  in float32: there are no float16 kernels for this CPU\n");
  }
  for (std::size_t i = 0; i < plan->steps().size(); ++i) {
    const std::vector<StepPart>& parts = plan->steps()[i]->parts;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      print_step(parts[part], plan->seconds()[i][part], shown.graph, index);
      total += plan->seconds()[i][part];
    }
  }
  std::fprintf(stderr, "%9.1f us in all; %s of activations\n", 1e6 * total,
               format_bytes(plan->arena_bytes()).c_str());
  for (std::size_t i = 0; i < shown.assignments.size(); ++i) {
    const Node& node = shown.graph.nodes[i];
    if (shown.assignments[i].taken()) continue;
    std::fprintf(stderr, "  left to TFLite: %s (operator %d): %s\n", node.type.c_str(), node.code,
                 shown.assignments[i].reason.c_str());
  }
}

}  // namespace tfsparse
