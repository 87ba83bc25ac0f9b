#include "delegate/core/plan/threads.h"

#include <algorithm>
#include <climits>
#include <cstdint>

#if !defined(__wasm__)
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#endif

namespace tfsparse {

#if defined(__wasm__)
namespace {

// As below, but without an instruction to pause: some 100 microseconds. A browser takes longer to
// wake a thread than a system does. Two threads were 1.2 to 1.5 times as fast as one with a tenth
// of it, and 1.4 to 1.8 times with this number.
constexpr int kLooksBeforeSleep = 200000;

// What the workers and the caller share. JavaScript starts the workers: each is a thread with an
// instance of the module on the same memory. Built-in functions in place of std::atomic, as waiting
// has no other.
struct {
  const std::function<void(int)>* job = nullptr;
  int generation = 0;  // counts jobs; a change wakes the workers
  int running = 0;
  int workers = 0;
  bool caller_may_sleep = false;
} shared;

long this_process() { return 0; }
int usable_cores() { return INT_MAX; }  // JavaScript starts no more workers than there are

int load(const int* number) { return __atomic_load_n(number, __ATOMIC_ACQUIRE); }

// Waits until a number is another one, at first without sleeping. May also return for no reason.
void wait_for_change(int* number, int from, bool may_sleep) {
  for (int looks = 0; looks < kLooksBeforeSleep; ++looks) {
    if (load(number) != from) return;
  }
  constexpr std::int64_t kForever = -1;
  if (may_sleep) __builtin_wasm_memory_atomic_wait32(number, from, kForever);
}

void wake(int* number) { __builtin_wasm_memory_atomic_notify(number, UINT_MAX); }

}  // namespace

class ThreadPool::Workers {
 public:
  explicit Workers(int count) : count_(count) {}

  int count() const { return count_; }

  void run(const std::function<void(int)>& job) {
    shared.job = &job;
    __atomic_store_n(&shared.running, count_, __ATOMIC_RELAXED);
    __atomic_add_fetch(&shared.generation, 1, __ATOMIC_RELEASE);
    wake(&shared.generation);
    job(0);
    while (const int left = load(&shared.running)) {
      wait_for_change(&shared.running, left, shared.caller_may_sleep);
    }
  }

 private:
  int count_;
};

void ThreadPool::let_caller_sleep() { shared.caller_may_sleep = true; }

void ThreadPool::work() {
  const int worker = __atomic_add_fetch(&shared.workers, 1, __ATOMIC_RELAXED);
  for (int seen = 0;;) {
    wait_for_change(&shared.generation, seen, true);
    const int generation = load(&shared.generation);
    if (generation == seen) continue;
    seen = generation;
    (*shared.job)(worker);
    if (__atomic_sub_fetch(&shared.running, 1, __ATOMIC_ACQ_REL) == 0) wake(&shared.running);
  }
}
#else
namespace {

// How often a worker polls for the next job before it sleeps. Layers follow each other within
// microseconds, and waking a thread takes tens of them. Polling lasts 20 to 90 microseconds,
// depending on the processor's pause instruction, which is the most that an idle thread spends.
constexpr int kLooksBeforeSleep = 2000;

inline void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

long this_process() { return getpid(); }

// The cores that this process may use. A number above any limit if unknown.
int usable_cores() {
#if defined(__linux__)
  cpu_set_t cores;
  const int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 0;
#else
  const int count = static_cast<int>(std::thread::hardware_concurrency());
#endif
  return count > 0 ? count : INT_MAX;
}

}  // namespace

class ThreadPool::Workers {
 public:
  explicit Workers(int count) {
    for (int index = 1; index <= count; ++index) {
      threads_.emplace_back(this, index);
      if (pthread_create(&threads_.back().thread, nullptr, &Workers::start, &threads_.back())) {
        threads_.pop_back();  // a limit on threads or memory: continue with fewer
        break;
      }
    }
  }

  ~Workers() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
      ++generation_;
    }
    wake_.notify_all();
    for (const Thread& thread : threads_) pthread_join(thread.thread, nullptr);
  }

  int count() const { return static_cast<int>(threads_.size()); }

  void run(const std::function<void(int)>& job) {
    job_ = &job;
    running_ = count();
    unsigned generation = 0;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      generation = ++generation_;
    }
    wake_.notify_all();
    job(0);
    // Threads that have not begun may still be waking, or have no core: their shares are done here.
    for (Thread& thread : threads_) do_share(&thread, generation);
    // Shares are equal, so those that have begun end soon. Sleeping would only add latency.
    for (int looks = 0; running_.load(std::memory_order_acquire) != 0; ++looks) {
      if (looks < kLooksBeforeSleep) {
        pause_cpu();
      } else {
        sched_yield();
      }
    }
  }

 private:
  // std::thread throws at a limit on threads.
  struct Thread {
    Thread(Workers* workers, int index) : workers(workers), index(index) {}

    Workers* workers;
    int index;
    std::atomic<unsigned> begun{0};  // the last job whose share was begun, here or by the caller
    pthread_t thread{};
  };

  static void* start(void* argument) {
    auto* thread = static_cast<Thread*>(argument);
    thread->workers->work(thread);
    return nullptr;
  }

  void work(Thread* thread) {
    unsigned job = 0;
    while (wait_for_job(&job)) do_share(thread, job);
  }

  // Does a thread's share of a job, unless that was begun before: then the job may be gone.
  void do_share(Thread* thread, unsigned generation) {
    unsigned before = generation - 1;
    if (!thread->begun.compare_exchange_strong(before, generation)) return;
    (*job_)(thread->index);
    running_.fetch_sub(1, std::memory_order_release);
  }

  // Waits for another job than *job and sets it. Returns false if the pool ends.
  bool wait_for_job(unsigned* job) {
    const unsigned seen = *job;
    const auto is_new = [&] {
      *job = generation_.load(std::memory_order_acquire);
      return *job != seen;
    };
    for (int looks = 0; looks < kLooksBeforeSleep; ++looks) {
      if (is_new()) return !stop_;
      pause_cpu();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, is_new);
    return !stop_;
  }

  std::deque<Thread> threads_;  // whose entries keep their addresses
  const std::function<void(int)>* job_ = nullptr;
  std::atomic<unsigned> generation_{0};  // counts jobs; a change wakes the threads
  std::atomic<int> running_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};
#endif

ThreadPool::ThreadPool(int size) : requested_(size), size_(1), process_(this_process()) {
  const int useful = std::min(size, usable_cores());
  if (useful > 1) workers_ = std::make_unique<Workers>(useful - 1);
  if (workers_) size_ = workers_->count() + 1;
}

ThreadPool::~ThreadPool() {
  // A forked child lacks the threads. Joining them, or destroying what they wait for, would block.
  if (!is_usable()) static_cast<void>(workers_.release());
}

bool ThreadPool::is_usable() const { return workers_ == nullptr || process_ == this_process(); }

void ThreadPool::run(const std::function<void(int)>& job) {
  size_ > 1 ? workers_->run(job) : job(0);
}

void ThreadPool::parallel_for(int count, int grain,
                              const std::function<void(int, int, int)>& body) {
  const int chunks = (count + grain - 1) / grain;
  if (size_ == 1 || chunks <= 1) {
    if (count > 0) body(0, count, 0);
    return;
  }
  run([&](int worker) {
    const int begin = static_cast<int>(static_cast<long long>(chunks) * worker / size()) * grain;
    const int end =
        static_cast<int>(static_cast<long long>(chunks) * (worker + 1) / size()) * grain;
    if (begin < std::min(end, count)) body(begin, std::min(end, count), worker);
  });
}

}  // namespace tfsparse
