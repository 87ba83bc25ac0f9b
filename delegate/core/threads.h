// A pool of worker threads that sleep while idle.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

namespace tfsparse {

// Runs jobs on several threads, the caller's own among them.
class ThreadPool {
 public:
  explicit ThreadPool(int size);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Threads there are: fewer than asked for where the machine has fewer cores or lets us have
  // fewer.
  int size() const { return static_cast<int>(workers_.size()) + 1; }
  int requested() const { return requested_; }

  // Calls job(worker) for every worker in [0, size()) and returns when all are done. One caller at
  // a time.
  void run(const std::function<void(int worker)>& job);

  // Calls body(begin, end, worker) on the workers' shares of [0, count), each share a multiple of
  // `grain` but the last.
  void parallel_for(int count, int grain,
                    const std::function<void(int begin, int end, int worker)>& body);

 private:
  // std::thread reports a limit on threads by an exception, which we compile without.
  struct Worker {
    ThreadPool* pool;
    int index;
    pthread_t thread;
  };

  static void* start(void* worker);
  void work(int worker);
  bool wait_for_job(unsigned seen);

  int requested_;
  std::vector<Worker> workers_;
  const std::function<void(int)>* job_ = nullptr;
  std::atomic<unsigned> generation_{0};  // counts jobs; a change wakes the workers
  std::atomic<int> running_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace tfsparse
