// What JavaScript is told about a model.
#pragma once

#include <string>

#include "delegate/standalone/session.h"

namespace tfsparse {

// JSON: {"isa", "inputs", "outputs", "operators", "steps", "arenaBytes"}, as index.d.ts declares
// them. Without a plan there are no steps.
std::string describe(Session* session);

}  // namespace tfsparse
