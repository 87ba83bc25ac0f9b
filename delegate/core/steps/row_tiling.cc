#include "delegate/core/steps/row_tiling.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "delegate/core/plan/memory.h"

#if defined(__unix__)
#include <unistd.h>
#endif

namespace tfsparse {
namespace {

// Rows that the depthwise kernel computes together.
constexpr int kRowsTogether = 7;

// Tiles may fill three quarters of the L2 cache. Measured on MobileNetV2 with 1 MB of L2: 768 KB
// 3.0 ms, 512 KB 3.1, 384 KB 3.1, whole tensors 3.3.
std::size_t tile_bytes() {
  constexpr long kUsual = 512 << 10;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  const long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
  const long size = 0;
#endif
  return static_cast<std::size_t>(size > 0 ? size : kUsual) / 4 * 3;
}

// Moves the rows in `keep` to the front of the tile.
void slide(RowsView* view, Rows have, Rows keep, const ChwLayout& chw) {
  if (keep.begin > have.begin && keep.begin < have.end) {
    const std::size_t rows = have.end - keep.begin;
    for (int channel = 0; channel < chw.channels; ++channel) {
      const Elements plane = view->base + channel * chw.stride;
      const auto gone = static_cast<std::size_t>(keep.begin - have.begin) * chw.width;
      copy(plane + gone, plane, rows * chw.width);
    }
  }
  view->first = keep.begin;
}

class RowTilingStep : public Step {
 public:
  RowTilingStep(std::vector<std::unique_ptr<RowStep>> steps, const RowTiling& tiling,
                std::size_t element_bytes)
      : steps_(std::move(steps)), tiling_(tiling) {
    parts.clear();
    std::uint64_t inner = 0;
    for (const auto& step : steps_) {
      parts.insert(parts.end(), step->parts.begin(), step->parts.end());
      parts.back().kernel += ", in row tiles";
      inner = std::max(inner, step->scratch_bytes);
      reads.insert(reads.end(), step->reads.begin(), step->reads.end());
      writes.insert(writes.end(), step->writes.begin(), step->writes.end());
    }
    scratch_bytes = tiling.elements * element_bytes + inner;
  }

  void run(const RunContext& context) const override {
    const int height = steps_.back()->y_chw.height;
    const int tiles = (height + tiling_.rows - 1) / tiling_.rows;
    for (int image = 0; image < steps_.back()->y_chw.batch; ++image) {
      begin_image(context, image);
      context.pool.parallel_for(tiles, 1, [&](int begin, int end, int worker) {
        Run run(*this, context, image, worker);
        for (int tile = begin; tile < end; ++tile) {
          run.tile({tile * tiling_.rows, std::min(height, (tile + 1) * tiling_.rows)});
        }
      });
    }
  }

 private:
  // Adds its lifetime to one part of a profile, if there is one.
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

  // Computes a range of tiles of one image on one worker.
  class Run {
   public:
    Run(const RowTilingStep& step, const RunContext& context, int image, int worker)
        : step_(step), context_(context), image_(image), profiled_(worker == 0) {
      const std::size_t count = step.steps_.size();
      PaddedElements scratch = context.scratch[worker];
      const RowStep &first = *step.steps_.front(), &last = *step.steps_.back();
      if (first.x_value.exists()) views_[0] = whole(first.x_value, first.x_chw);
      for (std::size_t i = 1; i < count; ++i) {
        const ChwLayout& chw = step.tiling_.between[i - 1];
        views_[i] = {scratch, chw.stride, 0};
        scratch = scratch + chw.image();
      }
      views_[count] = whole(last.y_value, last.y_chw);
      scratch_ = scratch;
    }

    void tile(Rows output) {
      const auto& steps = step_.steps_;
      std::array<Rows, kMostTiledSteps> need;
      need[steps.size() - 1] = output;
      for (std::size_t i = steps.size(); i-- > 1;) need[i - 1] = steps[i]->input_rows(need[i]);
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const Timer timer(profiled_ && context_.part_seconds ? context_.part_seconds + i : nullptr);
        Rows missing = need[i];
        if (i + 1 < steps.size()) {
          slide(&views_[i + 1], have_[i], need[i], step_.tiling_.between[i]);
          missing.begin = std::min(std::max(missing.begin, have_[i].end), missing.end);
          have_[i] = need[i];
        }
        if (missing.count() > 0) {
          steps[i]->run_rows(context_, image_, missing, views_[i], views_[i + 1], scratch_);
        }
      }
    }

   private:
    RowsView whole(PaddedValue value, const ChwLayout& chw) const {
      return {context_.values[value] + image_ * chw.image(), chw.stride, 0};
    }

    const RowTilingStep& step_;
    const RunContext& context_;
    int image_;
    bool profiled_;
    std::array<RowsView, kMostTiledSteps + 1> views_;  // input of each step, then the output
    std::array<Rows, kMostTiledSteps> have_;           // rows in the tile after each step
    PaddedElements scratch_;
  };

  void begin_image(const RunContext& context, int image) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Timer timer(context.part_seconds ? context.part_seconds + i : nullptr);
      steps_[i]->begin_image(context, image);
    }
  }

  std::vector<std::unique_ptr<RowStep>> steps_;
  RowTiling tiling_;
};

}  // namespace

RowTiling plan_row_tiling(const std::vector<RowWindow>& windows, std::size_t element_bytes) {
  const std::size_t limit = tile_bytes();
  const int height = windows.back().output.height;
  RowTiling best;
  for (int rows = 1; rows <= height; rows += rows < kRowsTogether ? 1 : kRowsTogether) {
    RowTiling tiling;
    tiling.rows = rows;
    int needed = rows;
    for (std::size_t i = windows.size() - 1; i-- > 0;) {
      const RowWindow& reader = windows[i + 1];
      needed = (needed - 1) * reader.stride + (reader.kernel - 1) * reader.dilation + 1;
      ChwLayout tile = windows[i].output;
      needed = std::min(needed, tile.height);
      tile.height = needed;
      tile.stride = plane_stride(static_cast<std::uint64_t>(tile.pixels()));
      tiling.elements += tile.image() + kOverread;
      tiling.between.insert(tiling.between.begin(), tile);
    }
    if (tiling.elements * element_bytes > limit) break;
    best = tiling;
  }
  return best;
}

std::unique_ptr<Step> make_row_tiling(std::vector<std::unique_ptr<RowStep>> steps,
                                      const RowTiling& tiling, std::size_t element_bytes) {
  return std::make_unique<RowTilingStep>(std::move(steps), tiling, element_bytes);
}

}  // namespace tfsparse
