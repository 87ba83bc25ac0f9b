// The steps of operators that only move values. Each copies between two layouts, whichever they
// are: a layout is the strides of its dimensions.
#include <algorithm>
#include <utility>

#include "delegate/core/builder.h"

namespace tfsparse {

std::vector<std::ptrdiff_t> PlanBuilder::strides(int tensor, bool in_planes) const {
  const Shape& s = shape(tensor);
  if (elements(tensor) == 0) return std::vector<std::ptrdiff_t>(s.size(), 0);
  std::vector<std::ptrdiff_t> strides(s.size(), 1);
  std::size_t contiguous = s.size();  // dimensions that are as in TFLite's order
  const Planes planes = planes_of(s);
  if (in_planes && contiguous > 0) {
    strides[--contiguous] = static_cast<std::ptrdiff_t>(planes.stride);
  }
  for (std::size_t dim = contiguous; dim-- > 1;) strides[dim - 1] = strides[dim] * s[dim];
  if (in_planes && s.size() == 4) strides[0] = static_cast<std::ptrdiff_t>(planes.image());
  return strides;
}

Value PlanBuilder::define(int tensor, bool in_planes) {
  return in_planes ? values_.define_planes(tensor) : values_.define_flat(tensor);
}

Value PlanBuilder::value(int tensor, bool in_planes) {
  return in_planes ? values_.planes(tensor) : values_.flat(tensor);
}

Status PlanBuilder::add_pad(const Node& node) {
  const int x = node.inputs[0];
  const bool in_planes = values_.has_planes(x), has_value = node.inputs.size() > 2;
  const Value from = value(x, in_planes), to = define(node.output, in_planes);
  if (in_planes && shape(x).size() == 4 && !has_value) {
    add(make_pad_planes(node, from, planes_of(shape(x)), to, planes_of(shape(node.output))),
        node.id);
    return {};
  }
  std::vector<float> padding = {0.0f};
  if (has_value) {
    TFSPARSE_RETURN_IF_ERROR(read_floats(graph_.tensors[node.inputs[2]], &padding));
    if (padding.size() != 1) return Status::error("a pad has other than one value to pad with");
  }
  StridedCopy copy;
  copy.from = from;
  const auto x_strides = strides(x, in_planes), y_strides = strides(node.output, in_planes);
  for (std::size_t dim = 0; dim < x_strides.size(); ++dim) {
    copy.dims.push_back({shape(x)[dim], x_strides[dim], y_strides[dim]});
    copy.to_offset += node.begin[dim] * y_strides[dim];
  }
  StridedCopy fill;  // of all, with the one value
  fill.constant = std::move(padding);
  fill.dims = {{static_cast<int>(values_.elements(to)), 0, 1}};
  add(make_strided_copies("pad", {std::move(fill), std::move(copy)}, to, kernels_), node.id);
  return {};
}

Status PlanBuilder::add_concatenation(const Node& node) {
  bool in_planes = false;
  for (int x : node.inputs) in_planes = in_planes || values_.has_planes(x);
  const auto y_strides = strides(node.output, in_planes);
  std::vector<StridedCopy> copies;
  std::ptrdiff_t offset = 0;
  for (int x : node.inputs) {
    StridedCopy copy;
    const bool is_constant = graph_.tensors[x].is_constant();
    if (is_constant) {
      TFSPARSE_RETURN_IF_ERROR(read_floats(graph_.tensors[x], &copy.constant));
    } else {
      copy.from = value(x, in_planes);
    }
    const auto x_strides = strides(x, in_planes && !is_constant);
    for (std::size_t dim = 0; dim < x_strides.size(); ++dim) {
      copy.dims.push_back({shape(x)[dim], x_strides[dim], y_strides[dim]});
    }
    copy.to_offset = offset;
    offset += shape(x)[node.axis] * y_strides[node.axis];
    copies.push_back(std::move(copy));
  }
  const Value to = define(node.output, in_planes);
  add(make_strided_copies("concatenate", std::move(copies), to, kernels_), node.id);
  return {};
}

Status PlanBuilder::add_slice(const Node& node) {
  const int x = node.inputs[0];
  const bool in_planes = values_.has_planes(x);
  StridedCopy copy;
  copy.from = value(x, in_planes);
  const auto x_strides = strides(x, in_planes), y_strides = strides(node.output, in_planes);
  for (std::size_t dim = 0; dim < x_strides.size(); ++dim) {
    copy.dims.push_back({shape(node.output)[dim], x_strides[dim], y_strides[dim]});
    copy.from_offset += node.begin[dim] * x_strides[dim];
  }
  const Value to = define(node.output, in_planes);
  add(make_strided_copies("slice", {std::move(copy)}, to, kernels_), node.id);
  return {};
}

Status PlanBuilder::add_transpose(const Node& node) {
  const int x = node.inputs[0];
  const bool from_planes = values_.has_planes(x);
  StridedCopy copy;
  copy.from = value(x, from_planes);
  const auto x_strides = strides(x, from_planes);
  std::vector<std::ptrdiff_t> moved;
  for (int dim : node.order) moved.push_back(x_strides[dim]);
  // The layout in which what was contiguous still is: NCHW to NHWC is then a copy of planes, and
  // back as well.
  const bool to_planes = is_image(shape(node.output)) && moved.back() != 1;
  const auto y_strides = strides(node.output, to_planes);
  for (std::size_t dim = 0; dim < moved.size(); ++dim) {
    copy.dims.push_back({shape(node.output)[dim], moved[dim], y_strides[dim]});
  }
  const Value to = define(node.output, to_planes);
  add(make_strided_copies("transpose", {std::move(copy)}, to, kernels_), node.id);
  return {};
}

// SPACE_TO_DEPTH and DEPTH_TO_SPACE: a block of pixels is one pixel of more channels, its rows one
// after the other.
Status PlanBuilder::add_block_move(const Node& node) {
  const int x = node.inputs[0], block = node.block_size;
  const bool in_planes = values_.has_planes(x), to_depth = node.op == Op::kSpaceToDepth;
  const int pixels = to_depth ? x : node.output, blocks = to_depth ? node.output : x;
  const auto p = strides(pixels, in_planes), b = strides(blocks, in_planes);
  const Shape& grid = shape(blocks);
  const int channels = shape(pixels)[3];
  // From pixels to blocks; the other way round, the two change places.
  std::vector<CopyDim> dims = {{grid[0], p[0], b[0]},
                               {grid[1], p[1] * block, b[1]},
                               {block, p[1], b[3] * block * channels},
                               {grid[2], p[2] * block, b[2]},
                               {block, p[2], b[3] * channels},
                               {channels, p[3], b[3]}};
  for (CopyDim& dim : dims) {
    if (!to_depth) std::swap(dim.from, dim.to);
  }
  StridedCopy copy;
  copy.from = value(x, in_planes);
  copy.dims = std::move(dims);
  add(make_strided_copies(to_depth ? "space to depth" : "depth to space", {std::move(copy)},
                          define(node.output, in_planes), kernels_),
      node.id);
  return {};
}

}  // namespace tfsparse
