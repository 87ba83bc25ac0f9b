// Autotuning with a fake host and clock.
#include "delegate/tflite/tuning/tune.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>

#include "delegate/tflite/delegate.h"
#include "delegate/tflite/tuning/cache.h"
#include "gtest/gtest.h"
#include "tests/delegate/tflite/fake_runtime.h"
#include "tests/delegate/tflite/plugin.h"
#include "tests/delegate/tflite/temporary_file.h"

using namespace tfsparse;
using namespace tfsparse::testing;

namespace {

constexpr ConvParams kSame{kTfLitePaddingSame, 1, 1, kTfLiteActNone, 1, 1};
constexpr int kTopK = 48;

// Time passes only while a model runs or during a pause.
class FakeClock : public Clock {
 public:
  double seconds() override { return now; }
  void wait(double seconds) override {
    now += seconds;
    ++waits;
  }
  double now = 0;
  int waits = 0;
};

// A part of the model, one 1x1 convolution, and its times.
struct Part {
  double default_ms, tfsparse_ms;
  int channels;  // parts with equal channels are similar
};

// A host. Its model is a chain of parts, separated by an operator that is not supported.
class FakeHost {
 public:
  explicit FakeHost(std::vector<Part> parts, int threads = 1)
      : parts_(std::move(parts)), threads_(threads) {}

  TfSparseTuneHost functions() { return {open, invoke, close, this}; }

  // Builds the model in a runtime and returns its input and output.
  std::pair<int, int> build(FakeRuntime* runtime) const {
    const int input = runtime->tensor({1, 3, 3, 2});
    int x = input, y = -1;
    for (const Part& part : parts_) {
      std::vector<float> weights(2 * part.channels, 0.0f);
      std::fill_n(weights.begin(), part.channels, weight);
      y = runtime->tensor({1, 3, 3, part.channels});
      const int constant = runtime->floats({part.channels, 1, 1, 2}, weights);
      runtime->node(kTfLiteBuiltinConv2d, {x, constant}, {y}, kSame);
      x = runtime->tensor({1, 3, 3, 2});
      runtime->node(kTopK, {y}, {x});
    }
    runtime->outputs = {x};
    return {input, y};
  }

  FakeClock clock;
  float weight = 2;  // of the model
  int opened = 0, invoked = 0, closed = 0;
  int fails_at = -1;                                  // index of the invocation that fails
  int gains_until = std::numeric_limits<int>::max();  // later invocations take the default's time

 private:
  static FakeHost& of(void* user_data) { return *static_cast<FakeHost*>(user_data); }

  static void* open(void* user_data, TfLiteDelegate* delegate) {
    FakeHost& host = of(user_data);
    auto runtime = std::make_unique<FakeRuntime>(host.threads_);
    host.build(runtime.get());
    if (delegate && runtime->apply(delegate) != kTfLiteOk) return nullptr;
    if (runtime->allocate() != kTfLiteOk) return nullptr;
    ++host.opened;
    return runtime.release();
  }
  static int invoke(void* user_data, void* interpreter) {
    FakeHost& host = of(user_data);
    auto* runtime = static_cast<FakeRuntime*>(interpreter);
    for (std::size_t i = 0; i < host.parts_.size(); ++i) {
      const bool left = runtime->is_left(static_cast<int>(2 * i));
      const bool gains = !left && host.invoked < host.gains_until;
      host.clock.now += 1e-3 * (gains ? host.parts_[i].tfsparse_ms : host.parts_[i].default_ms);
    }
    return host.invoked++ == host.fails_at;
  }
  static void close(void* user_data, void* interpreter) {
    ++of(user_data).closed;
    delete static_cast<FakeRuntime*>(interpreter);
  }

  std::vector<Part> parts_;
  int threads_;
};

Options options_with(const std::string& path) {
  Options options;
  options.tuning = path;
  options.runtime_version = "FakeRuntime 1";
  return options;
}

TuneResult tuned(FakeHost* host, const Options& options) {
  TuneResult result;
  const TfSparseTuneHost functions = host->functions();
  EXPECT_TRUE(tune(options, functions, &host->clock, &result).ok());
  EXPECT_EQ(host->opened, host->closed);
  return result;
}

std::vector<bool> taken(const TuneResult& result) {
  std::vector<bool> taken;
  for (const TunedPart& part : result.parts) taken.push_back(part.taken);
  return taken;
}

TEST(Tune, TakesAPartThatIsClearlyFaster) {
  for (const auto& [tfsparse_ms, faster] :
       {std::pair{1.0, true}, {1.9, true}, {1.99, false}, {2.0, false}, {2.5, false}}) {
    FakeHost host({{2, tfsparse_ms, 4}});
    const TuneResult result = tuned(&host, Options());
    EXPECT_TRUE(result.measured);
    EXPECT_FALSE(result.saved);
    EXPECT_EQ(taken(result), std::vector<bool>{faster});
    EXPECT_NEAR(result.baseline.median, 2e-3, 1e-9);
    EXPECT_NEAR(result.candidate.fastest, 1e-3 * tfsparse_ms, 1e-9);
    EXPECT_NEAR(result.parts[0].speedup, 2 / tfsparse_ms, 1e-6);
    EXPECT_EQ(host.opened, 2);
    EXPECT_EQ(host.clock.waits, 0);
    EXPECT_LT(host.clock.now, 4);
  }
}

TEST(Tune, WaitsForIdleThreads) {
  FakeHost host({{2, 1, 4}}, 2);
  tuned(&host, Options());
  EXPECT_GT(host.clock.waits, 0);
}

TEST(Tune, TakesTheFasterOfSeveralParts) {
  FakeHost host({{3, 1, 4}, {2, 3, 5}, {4, 2, 6}});
  const TuneResult result = tuned(&host, Options());
  EXPECT_EQ(taken(result), (std::vector<bool>{true, false, true}));
  EXPECT_NEAR(result.baseline.median, 9e-3, 1e-9);
  EXPECT_NEAR(result.candidate.median, 5e-3, 1e-9);
}

TEST(Tune, DecidesAboutEqualPartsTogether) {
  FakeHost host({{3, 1, 4}, {2, 3, 5}, {3, 1, 4}, {2, 3, 5}});
  const TuneResult result = tuned(&host, Options());
  EXPECT_EQ(taken(result), (std::vector<bool>{true, false, true, false}));
  EXPECT_LE(host.opened, 5);  // to look, none, and each of the two kinds
}

TEST(Tune, CombinesGainsTooSmallToMeasure) {
  FakeHost two({{5, 4.8, 4}, {5, 4.8, 5}});
  EXPECT_EQ(taken(tuned(&two, Options())), std::vector<bool>(2, true));
  FakeHost four({{5, 4.8, 4}, {5, 4.8, 5}, {5, 4.8, 6}, {5, 4.8, 7}});
  EXPECT_EQ(taken(tuned(&four, Options())), std::vector<bool>(4, true));
}

TEST(Tune, LeavesAllPartsIfTheirGainIsNotConfirmed) {
  FakeHost steady({{3, 1, 4}, {3, 1, 5}}), late({{3, 1, 4}, {3, 1, 5}});
  EXPECT_EQ(taken(tuned(&steady, Options())), std::vector<bool>(2, true));
  late.gains_until = steady.invoked * 7 / 10;  // the last of three comparisons
  EXPECT_EQ(taken(tuned(&late, Options())), std::vector<bool>(2, false));
}

TEST(Tune, BoundsTheNumberOfTrials) {
  std::vector<Part> parts;
  for (int i = 0; i < 40; ++i) parts.push_back({1, 1, 4 + i});
  FakeHost host(parts);
  EXPECT_EQ(taken(tuned(&host, Options())), std::vector<bool>(40, false));
  EXPECT_LE(host.opened, 11);
}

// More channels are more work. The parts with the least are decided together.
TEST(Tune, DecidesAboutTheLargestPartsOneByOne) {
  std::vector<Part> parts;
  for (int i = 0; i < 7; ++i) parts.push_back({1, 1, 4 + i});
  parts.push_back({4, 2, 11});
  parts.push_back({4, 5, 12});
  FakeHost host(parts);
  std::vector<bool> expected(9, false);
  expected[7] = true;
  EXPECT_EQ(taken(tuned(&host, Options())), expected);
}

// The output of the model with a delegate, and which parts the runtime itself runs.
struct Outcome {
  std::vector<float> output;
  std::vector<bool> left;
};
Outcome run_model(const FakeHost& host, TfLiteDelegate* delegate, int threads = 1) {
  FakeRuntime runtime(threads);
  const auto [input, output] = host.build(&runtime);
  EXPECT_EQ(runtime.apply(delegate), kTfLiteOk);
  EXPECT_EQ(runtime.allocate(), kTfLiteOk);
  std::fill_n(runtime.data(input), 18, 0.3f);
  EXPECT_EQ(runtime.invoke(), kTfLiteOk);
  Outcome outcome;
  for (int node = 0; runtime.is_left(node + 1); node += 2) {
    outcome.left.push_back(runtime.is_left(node));
  }
  const std::vector<int> shape = runtime.shape(output);
  outcome.output.assign(runtime.data(output), runtime.data(output) + 9 * shape[3]);
  return outcome;
}

TEST(Tune, FollowsADecisionWithoutMeasuring) {
  const TemporaryFile file;
  FakeHost host({{2, 3, 4}, {3, 1, 5}});
  const TuneResult first = tuned(&host, options_with(file.path()));
  EXPECT_TRUE(first.measured);
  EXPECT_TRUE(first.saved);
  Delegate measured(options_with(file.path()), first.entries);
  const Outcome expected = run_model(host, measured.handle());
  EXPECT_EQ(expected.left, (std::vector<bool>{true, false}));

  FakeHost later({{2, 3, 4}, {3, 1, 5}});
  const TuneResult second = tuned(&later, options_with(file.path()));
  EXPECT_FALSE(second.measured);
  EXPECT_TRUE(second.saved);
  EXPECT_EQ(taken(second), taken(first));
  EXPECT_EQ(later.opened, 1);
  EXPECT_EQ(later.invoked, 0);

  const char* keys[] = {"tuning", "runtime_version"};
  const char* values[] = {file.path().c_str(), "FakeRuntime 1"};
  const DelegatePtr loaded(tflite_plugin_create_delegate(keys, values, 2, nullptr));
  const Outcome followed = run_model(host, loaded.get());
  EXPECT_EQ(followed.left, expected.left);
  EXPECT_EQ(followed.output, expected.output);
}

TEST(Tune, FillsTheResultOfTheCApi) {
  const TemporaryFile file;
  FakeHost host({{2, 3, 4}, {3, 1, 5}});
  EXPECT_TRUE(tuned(&host, options_with(file.path())).saved);
  host.opened = host.closed = 0;

  TfSparseDelegateOptions options = TfSparseDelegateOptionsDefault();
  options.tuning = file.path().c_str();
  options.runtime_version = "FakeRuntime 1";
  const TfSparseTuneHost functions = host.functions();
  TfSparseTuneResult result;
  TfLiteDelegate* delegate = TfSparseDelegateCreateTuned(&options, &functions, &result);
  EXPECT_EQ(host.opened, 1);
  EXPECT_EQ(host.closed, 1);
  EXPECT_FALSE(result.measured);
  EXPECT_TRUE(result.saved);
  EXPECT_EQ(result.parts, 2);
  EXPECT_EQ(result.parts_taken, 1);
  EXPECT_EQ(result.default_seconds, 0);
  EXPECT_EQ(result.tfsparse_seconds, 0);
  EXPECT_EQ(run_model(host, delegate).left, (std::vector<bool>{true, false}));
  TfSparseDelegateDelete(delegate);

  delegate = TfSparseDelegateCreate(&options);
  EXPECT_EQ(run_model(host, delegate).left, (std::vector<bool>{true, false}));
  TfSparseDelegateDelete(delegate);
}

TEST(Tune, MeasuresAnotherModelMachineOrVersion) {
  const auto measured_after = [](const std::function<void(FakeHost&, Options&)>& change,
                                 int threads = 1) {
    const TemporaryFile file;
    Options options = options_with(file.path());
    FakeHost first({{2, 1, 4}}), second({{2, 1, 4}}, threads);
    EXPECT_TRUE(tuned(&first, options).saved);
    change(second, options);
    return tuned(&second, options).measured;
  };
  using O = Options;
  EXPECT_FALSE(measured_after([](FakeHost&, O&) {}));
  EXPECT_TRUE(measured_after([](FakeHost& host, O&) { host.weight = 3; }));
  EXPECT_TRUE(measured_after([](FakeHost&, O&) {}, 2));
  EXPECT_TRUE(measured_after([](FakeHost&, O& o) { o.num_threads = 3; }));
  EXPECT_TRUE(
      measured_after([](FakeHost&, O& o) { EXPECT_TRUE(set_input_shapes("1x9x9x2", &o).ok()); }));
  EXPECT_TRUE(measured_after([](FakeHost&, O& o) { o.runtime_version = "FakeRuntime 2"; }));
  const bool several = supported_kernels().size() > 1;
  EXPECT_EQ(measured_after([](FakeHost&, O& o) { o.kernels = supported_kernels().back(); }),
            several);
}

TEST(Tune, MeasuresAgainWithoutAUsableFile) {
  const TemporaryFile file;
  const Options options = options_with(file.path());
  const auto measured = [&] {
    FakeHost host({{2, 1, 4}});
    const TuneResult result = tuned(&host, options);
    EXPECT_TRUE(result.saved);
    return result.measured;
  };
  EXPECT_TRUE(measured());
  EXPECT_FALSE(measured());
  file.remove();
  EXPECT_TRUE(measured());
  file.write("# tfsparse tuning 2\nof no use\n");
  EXPECT_TRUE(measured());
  EXPECT_FALSE(measured());

  FakeHost host({{2, 1, 4}});
  const TuneResult result = tuned(&host, options_with("/no/such/folder/tuning.txt"));
  EXPECT_TRUE(result.measured);
  EXPECT_FALSE(result.saved);
  Delegate delegate(Options(), result.entries);
  EXPECT_EQ(result.entries.size(), 1);
}

TEST(Tune, FollowsNoEntryWithImpossibleOperators) {
  const TemporaryFile file;
  FakeHost host({{2, 1, 4}});
  std::vector<TuningEntry> entries = tuned(&host, options_with(file.path())).entries;
  for (const int impossible : {1, 77}) {  // not supported, does not exist
    entries[0].operators = {0, impossible};
    Options options = options_with(file.path());
    options.automatic = false;
    Delegate delegate(options, entries);
    std::vector<Decision> decisions;
    delegate.record_decisions(&decisions);
    EXPECT_FALSE(run_model(host, delegate.handle()).left[0]);
    EXPECT_FALSE(decisions[0].measured);
  }
}

TEST(Tune, DecidesNothingAboutAModelWithNothingToTake) {
  const TemporaryFile file;
  FakeHost host({});
  const TuneResult result = tuned(&host, options_with(file.path()));
  EXPECT_FALSE(result.measured);
  EXPECT_FALSE(result.saved);
  EXPECT_TRUE(result.parts.empty());
  EXPECT_EQ(host.invoked, 0);
  EXPECT_TRUE(read_tuning(file.path()).empty());
}

TEST(Tune, ReportsFailuresOfTheHost) {
  const auto message = [](const TfSparseTuneHost& functions, FakeHost* host) {
    TuneResult result;
    const Status status = tune(Options(), functions, &host->clock, &result);
    EXPECT_EQ(host->opened, host->closed);
    return status.message();
  };
  for (const int invocation : {0, 30, 50}) {
    FakeHost host({{2, 1, 4}});
    host.fails_at = invocation;
    EXPECT_EQ(message(host.functions(), &host), "the host could not run the model");
  }
  FakeHost host({{2, 1, 4}});
  TfSparseTuneHost functions = host.functions();
  functions.open = [](void*, TfLiteDelegate*) -> void* { return nullptr; };
  EXPECT_EQ(message(functions, &host), "the host could not open the model");
  functions.open = [](void* user_data, TfLiteDelegate*) -> void* {
    return static_cast<FakeHost*>(user_data)->functions().open(user_data, nullptr);
  };
  EXPECT_NE(message(functions, &host).find("without the delegate"), std::string::npos);
}

}  // namespace
