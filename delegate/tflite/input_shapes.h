// The option input_shapes: shapes to which the inputs will be resized.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/graph/status.h"

namespace tfsparse {

struct InputShape {
  std::string name;  // empty for a model's only input
  Shape shape;
};

// Reads an option such as "1x8x8x3" or "a=1x8x8x3,b=1x20". Fails on another text, and on sizes
// below 1; an empty one has no shapes.
Status parse_input_shapes(const std::string& option, std::vector<InputShape>* shapes);

// Gives the tensors numbered `inputs` those of the shapes that fit. Fails with the first that does
// not: the graph has no tensor of its name, it has no name and there are several inputs, or the
// number of sizes differs.
Status set_input_shapes(const std::vector<InputShape>& shapes, const std::set<int>& inputs,
                        Graph* graph);

}  // namespace tfsparse
