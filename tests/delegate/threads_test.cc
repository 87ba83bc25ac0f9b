// The thread pool: every share of the work is done once, whatever the number of threads.
#include "delegate/core/threads.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

using tfsparse::ThreadPool;

namespace {

TEST(ThreadPool, VisitsEveryElementOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    // No more than the machine has cores: more would only wait for each other.
    EXPECT_EQ(pool.requested(), threads);
    EXPECT_GE(pool.size(), 1);
    EXPECT_LE(pool.size(), threads);
    for (int count : {0, 1, 7, 64, 1000}) {
      for (int grain : {1, 16, 100}) {
        std::vector<int> visits(count, 0);
        std::atomic<int> misplaced{0};
        pool.parallel_for(count, grain, [&](int begin, int end, int worker) {
          if (begin % grain != 0 || worker < 0 || worker >= threads) ++misplaced;
          for (int i = begin; i < end; ++i) ++visits[i];
        });
        EXPECT_EQ(misplaced, 0);
        EXPECT_EQ(visits, std::vector<int>(count, 1));
      }
    }
  }
}

TEST(ThreadPool, RunsManySmallJobsWithPauses) {
  ThreadPool pool(3);
  long sum = 0;
  for (int job = 0; job < 3000; ++job) {
    std::vector<int> of_worker(3, 0);
    pool.run([&](int worker) { of_worker[worker] = worker + 1; });
    for (int worker = 0; worker < pool.size(); ++worker) sum += of_worker[worker] - worker;
    if (job % 1000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(sum, 3000 * pool.size());
}

double process_cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

TEST(ThreadPool, SleepsWhenIdle) {
  ThreadPool pool(4);
  pool.run([](int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const double before = process_cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  // Three spinning threads would have used 0.6 to 0.9 s on two cores or more.
  EXPECT_LT(process_cpu_seconds() - before, 0.1);
}

}  // namespace
