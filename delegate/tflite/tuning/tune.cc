#include "delegate/tflite/tuning/tune.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "delegate/tflite/delegate.h"

namespace tfsparse {
namespace {

// XNNPACK's thread pool spins for some milliseconds after an inference. Without a pause, these idle
// threads would share the cores with the other interpreter's burst.
constexpr double kSettleSeconds = 0.02;
// Bounds the time. The smallest groups beyond this are merged.
constexpr std::size_t kMostGroups = 8;

// An interpreter of the host and its delegate, which must outlive it.
class Trial {
 public:
  // Without a delegate if `delegate` is null.
  Trial(const TfSparseTuneHost& host, std::unique_ptr<Delegate> delegate)
      : host_(host), delegate_(std::move(delegate)) {
    if (delegate_) delegate_->record_decisions(&decisions_);
    session_ = host.open(host.user_data, delegate_ ? delegate_->handle() : nullptr);
  }
  ~Trial() {
    if (session_ != nullptr) host_.close(host_.user_data, session_);
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  bool is_open() const { return session_ != nullptr; }
  bool invoke() const { return host_.invoke(host_.user_data, session_) == 0; }
  const std::vector<Decision>& decisions() const { return decisions_; }

 private:
  const TfSparseTuneHost& host_;
  std::vector<Decision> decisions_;
  std::unique_ptr<Delegate> delegate_;
  void* session_;
};

// Parts with one common decision: similar ones, or those too small to measure.
struct Group {
  std::vector<std::size_t> parts;  // indices into result_.parts
  double macs = 0;
};

// Operators that a delegate takes beside those of `parts`: they prepare constants.
std::vector<int> preparations(const Decision& decision) {
  std::vector<int> others = decision.taken;
  for (const TakenPart& part : decision.parts) {
    for (int id : part.operators)
      others.erase(std::remove(others.begin(), others.end(), id), others.end());
  }
  return others;
}

class Tuner {
 public:
  Tuner(const Options& options, const TfSparseTuneHost& host, Clock* clock, TuneResult* result)
      : options_(options), host_(host), clock_(clock), result_(*result) {
    options_.automatic = false;
    options_.profile = false;
  }

  Status run() {
    TFSPARSE_RETURN_IF_ERROR(open({}, &all_));
    decisions_ = all_->decisions();
    list_parts();
    if (result_.parts.empty()) return {};    // nothing to decide
    if (groups_.size() > 1) all_ = nullptr;  // free its memory for other trials
    if (look_up()) return {};
    result_.measured = true;
    TFSPARSE_RETURN_IF_ERROR(measure());
    for (const Decision& decision : decisions_) {
      result_.entries.push_back({decision.key, {}});
    }
    if (best_) {
      for (std::size_t i = 0; i < result_.entries.size(); ++i) {
        result_.entries[i].operators = best_->decisions()[i].taken;
      }
    }
    result_.saved = !options_.tuning.empty() && write_tuning(options_.tuning, result_.entries);
    return {};
  }

 private:
  using Parts = std::vector<bool>;  // by part, whether it is taken

  Status open(const std::vector<TuningEntry>& entries, std::shared_ptr<Trial>* trial) {
    *trial = std::make_shared<Trial>(host_, std::make_unique<Delegate>(options_, entries));
    if (!(*trial)->is_open()) return Status::error("the host could not open the model");
    if (!(*trial)->decisions().empty()) return {};
    return Status::error("the host opened the model without the delegate that it was given");
  }

  void list_parts() {
    for (std::size_t i = 0; i < decisions_.size(); ++i) {
      for (const TakenPart& part : decisions_[i].parts) {
        const auto alike = std::find(structures_.begin(), structures_.end(), part.structure);
        if (alike == structures_.end()) groups_.emplace_back();
        Group& group = groups_[alike - structures_.begin()];
        if (alike == structures_.end()) structures_.push_back(part.structure);
        group.parts.push_back(result_.parts.size());
        group.macs += part.macs;
        result_.parts.push_back({static_cast<int>(i), part.operators});
      }
    }
  }

  // Returns whether the cache has an entry for every subgraph.
  bool look_up() {
    const std::vector<TuningEntry> known = read_tuning(options_.tuning);
    std::vector<TuningEntry> found;
    for (const Decision& decision : decisions_) {
      const TuningEntry* entry = find_entry(known, decision.key);
      if (entry == nullptr) return false;
      found.push_back(*entry);
    }
    for (TunedPart& part : result_.parts) {
      const std::vector<int>& taken = found[part.subgraph].operators;
      part.taken =
          std::includes(taken.begin(), taken.end(), part.operators.begin(), part.operators.end());
    }
    result_.entries = std::move(found);
    result_.saved = true;
    return true;
  }

  // Takes one group after the other and keeps those that make the model faster. Then tries all
  // rejected ones together, since single gains may be too small to measure.
  Status measure() {
    baseline_ = std::make_shared<Trial>(host_, nullptr);
    if (!baseline_->is_open()) return Status::error("the host could not open the model");
    unite_small_groups();
    Parts taken(result_.parts.size(), false);
    Group left;
    int groups_left = 0;
    for (const Group& group : groups_) {
      bool faster = false;
      if (groups_.size() > 1) TFSPARSE_RETURN_IF_ERROR(try_group(group, &taken, &faster));
      if (faster) continue;
      left.parts.insert(left.parts.end(), group.parts.begin(), group.parts.end());
      ++groups_left;
    }
    bool faster;
    if (groups_left > 1 || groups_.size() == 1) {
      TFSPARSE_RETURN_IF_ERROR(try_group(left, &taken, &faster));
    }
    if (best_ && groups_.size() > 1) {
      // Gains measured step by step are confirmed by one measurement.
      TFSPARSE_RETURN_IF_ERROR(compare(*baseline_, *best_));
      if (!last_.is_faster) {
        best_ = nullptr;
        taken.assign(taken.size(), false);
      }
    }
    for (std::size_t i = 0; i < taken.size(); ++i) result_.parts[i].taken = taken[i];
    result_.baseline = last_.baseline;
    result_.candidate = last_.candidate;
    return {};
  }

  void unite_small_groups() {
    std::stable_sort(groups_.begin(), groups_.end(),
                     [](const Group& a, const Group& b) { return a.macs > b.macs; });
    while (groups_.size() > kMostGroups) {
      const std::vector<std::size_t> smallest = std::move(groups_.back().parts);
      groups_.pop_back();
      groups_.back().parts.insert(groups_.back().parts.end(), smallest.begin(), smallest.end());
    }
  }

  // Adds the group's parts to the taken ones if that is faster.
  Status try_group(const Group& group, Parts* taken, bool* faster) {
    Parts more = *taken;
    for (std::size_t part : group.parts) more[part] = true;
    std::shared_ptr<Trial> trial = all_;
    if (trial == nullptr) TFSPARSE_RETURN_IF_ERROR(open(entries_of(more), &trial));
    TFSPARSE_RETURN_IF_ERROR(compare(best_ ? *best_ : *baseline_, *trial));
    for (std::size_t part : group.parts) result_.parts[part].speedup = last_.speedup;
    *faster = last_.is_faster;
    if (!*faster) return {};
    best_ = std::move(trial);
    *taken = std::move(more);
    return {};
  }

  std::vector<TuningEntry> entries_of(const Parts& taken) const {
    std::vector<TuningEntry> entries;
    for (const Decision& decision : decisions_) {
      // The partitioning drops those that are not needed.
      entries.push_back({decision.key, preparations(decision)});
    }
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const TunedPart& part = result_.parts[i];
      std::vector<int>& operators = entries[part.subgraph].operators;
      if (taken[i]) operators.insert(operators.end(), part.operators.begin(), part.operators.end());
    }
    return entries;
  }

  Status compare(const Trial& baseline, const Trial& candidate) {
    const bool threaded = decisions_.front().key.threads > 1;
    const bool ran =
        compare_latency([&] { return baseline.invoke(); }, [&] { return candidate.invoke(); },
                        threaded ? kSettleSeconds : 0.0, clock_, &last_);
    return ran ? Status() : Status::error("the host could not run the model");
  }

  Options options_;
  const TfSparseTuneHost& host_;
  Clock* clock_;
  TuneResult& result_;
  std::vector<std::uint64_t> structures_;  // by group
  std::vector<Group> groups_;
  std::vector<Decision> decisions_;  // with all parts taken
  // TFLite's default; all parts, if they are one group; the fastest so far, or null if that is the
  // default.
  std::shared_ptr<Trial> baseline_, all_, best_;
  LatencyComparison last_;
};

}  // namespace

Status tune(const Options& options, const TfSparseTuneHost& host, Clock* clock,
            TuneResult* result) {
  return Tuner(options, host, clock, result).run();
}

}  // namespace tfsparse
