// Joining the epilogues of two operators.
#pragma once

#include "delegate/kernels/kernels.h"

namespace tfsparse {

// Whether an epilogue clamps to a range with an end.
bool clamps(const Epilogue& epilogue);

// Whether an epilogue does nothing.
bool is_plain(const Epilogue& epilogue);

// The epilogue that does `first`, then `second`; false where no single one does.
bool compose(Epilogue first, const Epilogue& second, Epilogue* result);

}  // namespace tfsparse
