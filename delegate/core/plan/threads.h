// A pool of worker threads that sleep while idle.
#pragma once

#include <functional>
#include <memory>

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
  int size() const { return size_; }
  int requested() const { return requested_; }

  // False in a forked child, which has none of the threads. The pool can then only be deleted.
  bool is_usable() const;

  // Calls job(worker) for every worker in [0, size()) and returns when all are done. One caller at
  // a time.
  void run(const std::function<void(int worker)>& job);

  // Calls body(begin, end, worker) on the workers' shares of [0, count), each share a multiple of
  // `grain` but the last.
  void parallel_for(int count, int grain,
                    const std::function<void(int begin, int end, int worker)>& body);

 private:
  class Workers;  // all threads but the caller's

  int requested_;
  int size_;
  long process_;
  std::unique_ptr<Workers> workers_;  // null where the caller's thread is the only one
};

}  // namespace tfsparse
