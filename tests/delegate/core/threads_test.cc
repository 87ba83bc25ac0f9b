// The thread pool executes every share exactly once, with any number of threads.
#include "delegate/core/plan/threads.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

using tfsparse::ThreadPool;

namespace {

TEST(ThreadPool, VisitsEveryElementOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    // At most the number of cores.
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

TEST(ThreadPool, DoesTheSharesOfThreadsThatSleep) {
  ThreadPool pool(2);
  if (pool.size() == 1) GTEST_SKIP() << "one core";
  int by_caller = 0, shares = 0;
  for (int job = 0; job < 100; ++job) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // long enough to fall asleep
    std::thread::id of_worker[2];
    std::atomic<int> calls{0};
    pool.run([&](int worker) {
      of_worker[worker] = std::this_thread::get_id();
      ++calls;
    });
    shares += calls;
    by_caller += of_worker[1] == std::this_thread::get_id();
  }
  EXPECT_EQ(shares, 200);
  EXPECT_GT(by_caller, 0);
}

TEST(ThreadPool, MayEndWhileAThreadWakes) {
  for (int i = 0; i < 2000; ++i) {
    ThreadPool pool(2);
    std::atomic<int> calls{0};
    const std::function<void(int)> job = [&](int) { ++calls; };
    pool.run(job);
    EXPECT_EQ(calls, pool.size());
  }
}

double cpu_seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

TEST(ThreadPool, SleepsWhenIdle) {
  ThreadPool pool(4);
  pool.run([](int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const double all_before = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const double before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
  double own = 0;
  while (own < 0.2) own = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - before;
  // A spinning thread would use as much as this one does, also on a busy machine.
  EXPECT_LT(cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - all_before - own, 0.05);
}

#if !defined(__SANITIZE_THREAD__)  // which allows no thread in the child of a process with threads
// The return value of a forked child, or an error code if it hangs.
template <class Body>
int status_of_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    _exit(body());
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST(ThreadPool, IsReplacedInAForkedChild) {
  auto pool = std::make_unique<ThreadPool>(2);
  pool->run([](int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // so that its thread sleeps
  const int status = status_of_child([&] {
    if (pool->size() > 1 && pool->is_usable()) return 1;
    pool = std::make_unique<ThreadPool>(2);  // deletes the parent's pool
    std::atomic<int> calls{0};
    pool->run([&](int) { ++calls; });
    return calls == pool->size() ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(pool->is_usable());
}
#endif

}  // namespace
