// The functions that JavaScript calls: see index.js. A model is made once and has one plan; every
// function but the first takes what TfSparseModelRead returned.
#include <new>
#include <string>
#include <vector>

#include "delegate/standalone/session.h"
#include "delegate/tflite/boundary.h"
#include "delegate/web/describe.h"

#if defined(__wasm__)
#define TFSPARSE_WEB(name) extern "C" __attribute__((export_name(#name)))
#else
#define TFSPARSE_WEB(name) extern "C" __attribute__((visibility("default")))
#endif

namespace {

using tfsparse::Session;
using tfsparse::Shape;
using tfsparse::Status;

struct Model {
  Session session;
  std::string error;        // of reading or planning; empty if they succeeded
  std::string description;  // what JavaScript reads
};

// Calls body(), which returns a Status. Returns whether it succeeded.
template <class Body>
bool succeeds(Model* model, const Body& body) {
  model->error = tfsparse::guard([&] { return body().message(); },
                                 [] { return std::string("out of memory"); });
  return model->error.empty();
}

}  // namespace

// Memory for a file, which TfSparseModelRead takes over. Null if there is none.
TFSPARSE_WEB(TfSparseAllocate) char* TfSparseAllocate(std::size_t size) {
  return new (std::nothrow) char[size];
}

// Never null but for lack of memory. `bytes` come from TfSparseAllocate.
TFSPARSE_WEB(TfSparseModelRead) Model* TfSparseModelRead(char* bytes, std::size_t size) {
  tfsparse::FileBytes file{std::unique_ptr<char[]>(bytes), size};
  auto* model = new (std::nothrow) Model;
  if (model == nullptr) return nullptr;
  succeeds(model, [&] { return model->session.read(std::move(file)); });
  return model;
}

// `shapes` has, for each input, the number of its dimensions, 0 for the shape in the file, and the
// dimensions. In a browser, `num_threads` is one more than the workers in TfSparseWork. Returns
// whether the model can run.
TFSPARSE_WEB(TfSparseModelPlan)
bool TfSparseModelPlan(Model* model, const int* shapes, int num_threads) {
  return succeeds(model, [&] {
    std::vector<Shape> given;
    for (std::size_t i = 0; i < model->session.inputs().size(); ++i) {
      const int rank = *shapes++;
      given.emplace_back(shapes, shapes + rank);
      shapes += rank;
    }
    return model->session.plan(given, num_threads);
  });
}

// Why reading or planning failed, or an empty text. It is valid until the next call.
TFSPARSE_WEB(TfSparseModelError) const char* TfSparseModelError(const Model* model) {
  return model->error.c_str();
}

// JSON of the inputs, outputs, operators and steps. It is valid until the next call.
TFSPARSE_WEB(TfSparseModelDescribe) const char* TfSparseModelDescribe(Model* model) {
  model->description = tfsparse::guard([&] { return tfsparse::describe(&model->session); },
                                       [] { return std::string("{}"); });
  return model->description.c_str();
}

TFSPARSE_WEB(TfSparseModelInput) void* TfSparseModelInput(Model* model, int index) {
  return model->session.inputs()[index].memory.data();
}

TFSPARSE_WEB(TfSparseModelOutput) void* TfSparseModelOutput(Model* model, int index) {
  return model->session.outputs()[index].memory.data();
}

// Runs a planned model, and with `measure` times each step.
TFSPARSE_WEB(TfSparseModelRun) void TfSparseModelRun(Model* model, bool measure) {
  measure ? model->session.run_profiled() : model->session.run();
}

TFSPARSE_WEB(TfSparseModelDelete) void TfSparseModelDelete(Model* model) { delete model; }

#if defined(__wasm__)
// What a worker runs, on a stack of its own. Never returns.
TFSPARSE_WEB(TfSparseWork) void TfSparseWork() { tfsparse::ThreadPool::work(); }

// To be called once, in a thread that may sleep.
TFSPARSE_WEB(TfSparseMaySleep) void TfSparseMaySleep() { tfsparse::ThreadPool::let_caller_sleep(); }
#endif
