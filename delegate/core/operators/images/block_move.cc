#include "delegate/core/operators/images/block_move.h"

#include <algorithm>
#include <utility>

#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/steps/strided_copy.h"

namespace tfsparse {
namespace {

// The dimensions of a copy from pixels to blocks of pixels.
std::vector<CopyDim> block_dims(const Shape& pixels, const Shape& blocks, int size,
                                const MovedElements& elements) {
  const auto p = elements.strides(pixels), b = elements.strides(blocks);
  const int channels = elements.channels(pixels[3]);
  return {{blocks[0], p[0], b[0]},
          {blocks[1], p[1] * size, b[1]},
          {size, p[1], b[3] * size * channels},
          {blocks[2], p[2] * size, b[2]},
          {size, p[2], b[3] * channels},
          {channels, p[3], b[3]}};
}

}  // namespace

std::string BlockMove::unsupported_because(const SupportContext& context, const Node& node) const {
  return unsupported_input(context, node);
}

void BlockMove::hash(Hasher* hasher) const { hasher->add(block_size_); }

Status BlockMove::refuse(const Shape& x) const {
  return Status::error("blocks of " + std::to_string(block_size_) + " pixels do not fit input " +
                       to_string(x));
}

void BlockMove::add_step(PlanBuilder* builder, const Node& node, const char* kernel,
                         bool to_blocks) const {
  Values& values = builder->values();
  const Shape &x = builder->shape(node.inputs[0]), &y = builder->shape(node.output);
  const bool in_chw = values.has_chw(node.inputs[0]) &&
                      are_whole_quads(*builder, node.output, to_blocks ? x[3] : y[3]);
  const MovedElements elements(*builder, node.output, in_chw);
  std::vector<StridedCopy> copies(1);
  StridedCopy& copy = copies.front();
  copy.from = values.get(node.inputs[0], in_chw);
  copy.dims =
      to_blocks ? block_dims(x, y, block_size_, elements) : block_dims(y, x, block_size_, elements);
  if (!to_blocks) {
    for (CopyDim& dim : copy.dims) std::swap(dim.from, dim.to);
  }
  const Value moved = values.define(node.output, in_chw);
  builder->add(make_strided_copies(kernel, elements, std::move(copies), moved), node);
}

Status SpaceToDepth::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  const int size = block_size_;
  if (x.size() != 4 || x[1] % size != 0 || x[2] % size != 0 || x[3] > kMaxElements / size / size) {
    return refuse(x);
  }
  context->set_out(node, {x[0], x[1] / size, x[2] / size, x[3] * size * size});
  return {};
}

Status SpaceToDepth::build(PlanBuilder* builder, const Node& node) const {
  add_step(builder, node, "space to depth", true);
  return {};
}

Status DepthToSpace::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  const int size = block_size_;
  if (x.size() != 4 || x[3] % (size * size) != 0 || std::max(x[1], x[2]) > kMaxElements / size) {
    return refuse(x);
  }
  context->set_out(node, {x[0], x[1] * size, x[2] * size, x[3] / (size * size)});
  return {};
}

Status DepthToSpace::build(PlanBuilder* builder, const Node& node) const {
  add_step(builder, node, "depth to space", false);
  return {};
}

}  // namespace tfsparse
