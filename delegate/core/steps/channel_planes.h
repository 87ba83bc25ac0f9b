// What steps share that compute every channel plane alike, whichever image it is of.
#pragma once

#include "delegate/core/plan/layout.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// Sets a kernel's arguments for the sizes and strides of planes, of channels or of quads.
template <class Layout, class Args>
void describe_planes(const Layout& x, const Layout& y, Args* args) {
  args->x_stride = x.stride;
  args->y_stride = y.stride;
  args->in_h = x.height;
  args->in_w = x.width;
  args->out_h = y.height;
  args->out_w = y.width;
}

// Arguments of a kernel with the planes of all images, their sizes and strides.
template <class Args>
Args plane_args(const ChwLayout& x, const ChwLayout& y) {
  Args args{};
  args.planes = y.batch * y.channels;
  describe_planes(x, y, &args);
  return args;
}

// Calls a kernel on these planes of x and y, divided among the threads.
template <class Args>
void run_planes(const RunContext& context, Value x, Value y, const Args& all,
                void (*kernel)(const Args&)) {
  context.pool.parallel_for(all.planes, 1, [&](int begin, int end, int) {
    Args args = all;
    args.x = context.values[x] + begin * args.x_stride;
    args.y = context.values[y] + begin * args.y_stride;
    args.planes = end - begin;
    kernel(args);
  });
}

}  // namespace tfsparse
