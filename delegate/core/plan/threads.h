// A pool of worker threads.
#pragma once

#include <functional>
#include <memory>

namespace tfsparse {

// Runs jobs on several threads, including the caller's.
class ThreadPool {
 public:
  explicit ThreadPool(int size);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // The number of threads, including the caller's. Less than requested if the machine has fewer
  // cores or the system allows fewer threads.
  int size() const { return size_; }
  int requested() const { return requested_; }

  // False in a forked child, which lacks the threads. Such a pool can only be deleted.
  bool is_usable() const;

  // Calls job(worker) for every worker in [0, size()) and returns when all are done. Must not be
  // called concurrently.
  void run(const std::function<void(int worker)>& job);

  // Splits [0, count) among the workers and calls body(begin, end, worker). All parts but the last
  // are multiples of `grain`.
  void parallel_for(int count, int grain,
                    const std::function<void(int begin, int end, int worker)>& body);

#if defined(__wasm__)
  // Does a worker's share of every job, in a thread that JavaScript has started. There can be one
  // pool of several threads in a memory; it must have as many workers as call this function.
  [[noreturn]] static void work();
  // The main thread of a page may not sleep while it waits for the workers. Others may.
  static void let_caller_sleep();
#endif

 private:
  class Workers;  // all but the caller's

  int requested_;
  int size_;
  long process_;
  std::unique_ptr<Workers> workers_;  // null if there is only the caller's
};

}  // namespace tfsparse
