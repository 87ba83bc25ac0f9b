#include "delegate/core/steps/strips.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "delegate/core/memory.h"

#if defined(__unix__)
#include <unistd.h>
#endif

namespace tfsparse {
namespace {

// The depthwise kernel computes this many rows together.
constexpr int kRowsTogether = 7;

// Strips of a chain may take three quarters of the second-level cache. Measured on MobileNetV2 with
// a cache of 1 MB: 768 KB 3.0 ms, 512 KB 3.1, 384 KB 3.1, whole tensors 3.3.
std::size_t strip_bytes() {
  constexpr long kUsual = 512 << 10;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  const long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
  const long size = 0;
#endif
  return static_cast<std::size_t>(size > 0 ? size : kUsual) / 4 * 3;
}

// Keeps the rows of `view` that are in `keep` by moving them to its front.
void slide(RowsView* view, Rows have, Rows keep, const Planes& planes) {
  if (keep.begin > have.begin && keep.begin < have.end) {
    const std::size_t rows = have.end - keep.begin;
    for (int channel = 0; channel < planes.channels; ++channel) {
      const Elements plane = view->base + channel * planes.stride;
      const auto gone = static_cast<std::size_t>(keep.begin - have.begin) * planes.width;
      copy(plane + gone, plane, rows * planes.width);
    }
  }
  view->first = keep.begin;
}

class Strips : public Step {
 public:
  Strips(std::vector<std::unique_ptr<RowStep>> steps, const StripPlan& plan)
      : steps_(std::move(steps)), plan_(plan) {
    parts.clear();
    std::uint64_t inner = 0;
    for (const auto& step : steps_) {
      parts.insert(parts.end(), step->parts.begin(), step->parts.end());
      parts.back().kernel += ", in strips of rows";
      inner = std::max(inner, step->scratch);
      reads.insert(reads.end(), step->reads.begin(), step->reads.end());
      writes.insert(writes.end(), step->writes.begin(), step->writes.end());
    }
    scratch = plan.elements + inner;
  }

  void run(const RunContext& context) const override {
    const int height = steps_.back()->y_planes.height;
    const int strips = (height + plan_.rows - 1) / plan_.rows;
    for (int image = 0; image < steps_.back()->y_planes.batch; ++image) {
      begin_image(context, image);
      context.pool.parallel_for(strips, 1, [&](int begin, int end, int worker) {
        Run run(*this, context, image, worker);
        for (int strip = begin; strip < end; ++strip) {
          run.strip({strip * plan_.rows, std::min(height, (strip + 1) * plan_.rows)});
        }
      });
    }
  }

 private:
  // Adds the time of its life to one part of a profile, if there is one.
  class Timer {
   public:
    explicit Timer(double* seconds) : seconds_(seconds) {
      if (seconds_) start_ = Clock::now();
    }
    ~Timer() {
      if (seconds_) *seconds_ += std::chrono::duration<double>(Clock::now() - start_).count();
    }

   private:
    using Clock = std::chrono::steady_clock;
    double* seconds_;
    Clock::time_point start_;
  };

  // One worker's walk down one image.
  class Run {
   public:
    Run(const Strips& chain, const RunContext& context, int image, int worker)
        : chain_(chain), context_(context), image_(image), profiled_(worker == 0) {
      const std::size_t count = chain.steps_.size();
      PaddedElements scratch = context.scratch[worker];
      const RowStep &first = *chain.steps_.front(), &last = *chain.steps_.back();
      if (first.x_value.exists()) views_[0] = whole(first.x_value, first.x_planes);
      for (std::size_t i = 1; i < count; ++i) {
        const Planes& planes = chain.plan_.between[i - 1];
        views_[i] = {scratch, planes.stride, 0};
        scratch = scratch + planes.image();
      }
      views_[count] = whole(last.y_value, last.y_planes);
      scratch_ = scratch;
    }

    void strip(Rows output) {
      const auto& steps = chain_.steps_;
      std::array<Rows, kLongestChain> need;
      need[steps.size() - 1] = output;
      for (std::size_t i = steps.size(); i-- > 1;) need[i - 1] = steps[i]->input_rows(need[i]);
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const Timer timer(profiled_ && context_.part_seconds ? context_.part_seconds + i : nullptr);
        Rows missing = need[i];
        if (i + 1 < steps.size()) {
          slide(&views_[i + 1], have_[i], need[i], chain_.plan_.between[i]);
          missing.begin = std::min(std::max(missing.begin, have_[i].end), missing.end);
          have_[i] = need[i];
        }
        if (missing.count() > 0) {
          steps[i]->run_rows(context_, image_, missing, views_[i], views_[i + 1], scratch_);
        }
      }
    }

   private:
    RowsView whole(PaddedValue value, const Planes& planes) const {
      return {context_.values[value] + image_ * planes.image(), planes.stride, 0};
    }

    const Strips& chain_;
    const RunContext& context_;
    int image_;
    bool profiled_;
    std::array<RowsView, kLongestChain + 1>
        views_;                             // input of each step, and the last one's output
    std::array<Rows, kLongestChain> have_;  // rows that lie in the strip behind each step
    PaddedElements scratch_;
  };

  void begin_image(const RunContext& context, int image) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Timer timer(context.part_seconds ? context.part_seconds + i : nullptr);
      steps_[i]->begin_image(context, image);
    }
  }

  std::vector<std::unique_ptr<RowStep>> steps_;
  StripPlan plan_;
};

}  // namespace

StripPlan plan_strips(const std::vector<RowWindow>& windows, std::size_t element_bytes) {
  const std::size_t limit = strip_bytes();
  const int height = windows.back().output.height;
  StripPlan best;
  for (int rows = 1; rows <= height; rows += rows < kRowsTogether ? 1 : kRowsTogether) {
    StripPlan plan;
    plan.rows = rows;
    int needed = rows;
    for (std::size_t i = windows.size() - 1; i-- > 0;) {
      const RowWindow& reader = windows[i + 1];
      needed = (needed - 1) * reader.stride + (reader.kernel - 1) * reader.dilation + 1;
      Planes strip = windows[i].output;
      needed = std::min(needed, strip.height);
      strip.height = needed;
      strip.stride = plane_stride(static_cast<std::uint64_t>(strip.pixels()));
      plan.elements += strip.image() + kOverread;
      plan.between.insert(plan.between.begin(), strip);
    }
    if (plan.elements * element_bytes > limit) break;
    best = plan;
  }
  return best;
}

std::unique_ptr<Step> make_strips(std::vector<std::unique_ptr<RowStep>> steps,
                                  const StripPlan& plan) {
  return std::make_unique<Strips>(std::move(steps), plan);
}

}  // namespace tfsparse
