#include "delegate/standalone/session.h"

#include <algorithm>
#include <set>
#include <utility>

#include "delegate/standalone/model_file.h"
#include "delegate/standalone/operator_names.h"
#include "delegate/tflite/adapter.h"

namespace tfsparse {
namespace {

std::string quoted(const Tensor& tensor) { return "'" + tensor.name + "'"; }

std::string described(const Node& node, const Graph& graph) {
  return node.output < 0 ? node.type : node.type + " " + quoted(graph.tensors[node.output]);
}

// Whether a dimension but the first is open, in shapes as files write them.
bool is_open_inside(const TfLiteIntArray* signature) {
  const std::vector<int> dims = to_vector(signature);
  return std::count(dims.begin() + !dims.empty(), dims.end(), -1) > 0;
}

std::vector<Port> ports(const std::vector<int>& tensors, const Graph& graph) {
  std::vector<Port> all;
  for (int tensor : tensors) {
    all.emplace_back();
    all.back().tensor = tensor;
    all.back().shape = graph.tensors[tensor].shape;
  }
  return all;
}

std::vector<int> tensors_of(const std::vector<Port>& ports) {
  std::vector<int> tensors;
  for (const Port& port : ports) tensors.push_back(port.tensor);
  return tensors;
}

std::vector<int> ids_of(const Graph& graph) {
  std::vector<int> ids;
  for (const Node& node : graph.nodes) {
    if (node.output_index == 0) ids.push_back(node.id);
  }
  return ids;
}

// Sets the places of ports whose tensors are among `planned`, tensors of `part`.
void find_places(const std::vector<int>& planned, const Graph& part, std::vector<Port>* ports) {
  for (Port& port : *ports) {
    for (std::size_t i = 0; i < planned.size(); ++i) {
      if (part.tensors[planned[i]].id == port.tensor) port.place = static_cast<int>(i);
    }
  }
}

Status allocate(const Graph& graph, std::vector<Port>* ports) {
  for (Port& port : *ports) {
    const std::size_t bytes =
        graph.tensors[port.tensor].type == DType::kInt8 ? sizeof(std::int8_t) : sizeof(float);
    port.memory = Buffer(element_count(port.shape), bytes, std::nothrow);
    if (port.memory.data() == nullptr) return Status::error("no memory for an input or output");
  }
  return {};
}

}  // namespace

Status Session::read(FileBytes file) {
  file_ = std::move(file);
  read_ = read();
  return read_;
}

Status Session::read() {
  std::unique_ptr<ModelFile> model;
  TFSPARSE_RETURN_IF_ERROR(ModelFile::read(file_.bytes.get(), file_.size, &model));
  TFSPARSE_RETURN_IF_ERROR(read_graph(model->context(), &graph_));
  for (Node& node : graph_.nodes) {
    if (node.type.empty()) node.type = operator_name(node.code);
  }
  graph_.inputs = model->inputs();
  graph_.outputs = model->outputs();
  inputs_ = ports(graph_.inputs, graph_);
  outputs_ = ports(graph_.outputs, graph_);
  for (int input : graph_.inputs) {
    open_inside_.push_back(is_open_inside(model->context()->tensors[input].dims_signature));
  }
  TFSPARSE_RETURN_IF_ERROR(assign_nodes(graph_, &assignments_));
  TFSPARSE_RETURN_IF_ERROR(check_operators());
  return check_ports();
}

Status Session::check_operators() const {
  std::set<int> left;  // ids
  std::string first;
  for (std::size_t i = 0; i < assignments_.size(); ++i) {
    const Node& node = graph_.nodes[i];
    if (assignments_[i].taken() || !left.insert(node.id).second) continue;
    if (first.empty()) first = described(node, graph_) + ": " + assignments_[i].reason;
  }
  if (left.empty()) return {};
  const std::size_t others = left.size() - 1;
  const std::string more = others > 0 ? " (and " + std::to_string(others) + " more)" : "";
  return Status::error("cannot run " + first + more);
}

Status Session::check_ports() const {
  const GraphIndex index(graph_);
  std::set<int> seen;
  for (const std::vector<Port>* ports : {&inputs_, &outputs_}) {
    const bool is_input = ports == &inputs_;
    for (const Port& port : *ports) {
      const Tensor& tensor = graph_.tensors[port.tensor];
      const std::string name = (is_input ? "input " : "output ") + quoted(tensor);
      if (!is_float32_or_int8(tensor.type)) {
        return Status::error("cannot run a model whose " + name + " is of " +
                             to_string(tensor.type) + ", only of float32 or int8");
      }
      if (tensor.is_constant() || is_input == (index.maker(port.tensor) >= 0) ||
          !seen.insert(port.tensor).second) {
        return Status::error("cannot run a model whose " + name +
                             " is a constant, is listed twice, or is both input and output");
      }
    }
  }
  if (outputs_.empty()) return Status::error("cannot run a model without outputs");
  return {};
}

Status Session::find_shape(const Port& input, const Shape& given, Shape* shape) const {
  const Tensor& tensor = graph_.tensors[input.tensor];
  const std::size_t i = &input - inputs_.data();
  if (given.empty() && open_inside_[i]) {
    return Status::error("input " + quoted(tensor) + " has open dimensions: expected its shape");
  }
  *shape = given.empty() ? tensor.shape : given;
  if (shape->size() != tensor.shape.size() || element_count(*shape) < 1) {
    return Status::error("expected a shape of " + std::to_string(tensor.shape.size()) +
                         " dimensions for input " + quoted(tensor) + ", received " +
                         to_string(*shape));
  }
  return {};
}

Status Session::plan(const std::vector<Shape>& shapes, int num_threads) {
  TFSPARSE_RETURN_IF_ERROR(read_);
  if (plan_ != nullptr) return Status::error("the model has a plan already");
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Shape given = i < shapes.size() ? shapes[i] : Shape();
    TFSPARSE_RETURN_IF_ERROR(find_shape(inputs_[i], given, &inputs_[i].shape));
  }
  pool_ = std::make_unique<ThreadPool>(num_threads);
  TFSPARSE_RETURN_IF_ERROR(make_plan());
  for (Port& output : outputs_) output.shape = plan_->output_shapes()[output.place];
  TFSPARSE_RETURN_IF_ERROR(allocate(graph_, &inputs_));
  TFSPARSE_RETURN_IF_ERROR(allocate(graph_, &outputs_));
  file_ = {};
  bind();
  return {};
}

Status Session::make_plan() {
  Graph part = extract(graph_, GraphIndex(graph_), ids_of(graph_), tensors_of(inputs_),
                       tensors_of(outputs_));
  find_places(part.inputs, part, &inputs_);
  find_places(part.outputs, part, &outputs_);
  for (const Port& input : inputs_) {
    if (input.place >= 0) part.tensors[part.inputs[input.place]].shape = input.shape;
  }
  return Plan::build(std::move(part), best_kernels(), pool_->size(), &plan_);
}

void Session::bind() {
  from_.resize(plan_->input_shapes().size());
  to_.resize(plan_->output_shapes().size());
  for (const Port& input : inputs_) {
    if (input.place >= 0) from_[input.place] = input.memory.data();
  }
  for (const Port& output : outputs_) to_[output.place] = output.memory.data();
}

void Session::run() { plan_->run(pool_.get(), from_, to_); }

void Session::run_profiled() { plan_->run_profiled(pool_.get(), from_, to_); }

}  // namespace tfsparse
