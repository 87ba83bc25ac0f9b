// Counts allocations on other threads than the caller's, in the library that test_session.py calls.
// In WebAssembly the C library is compiled for one thread, so that workers may not allocate.
#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

namespace {

std::thread::id caller;
std::atomic<int> elsewhere{0};

void* allocate(std::size_t size) {
  if (std::this_thread::get_id() != caller) ++elsewhere;
  return std::malloc(size > 0 ? size : 1);
}

}  // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new(std::size_t size) {
  if (void* memory = allocate(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

extern "C" __attribute__((visibility("default"))) void CountAllocations() {
  caller = std::this_thread::get_id();
  elsewhere = 0;
}

// How many there were since that call, on other threads than its own.
extern "C" __attribute__((visibility("default"))) int AllocationsElsewhere() { return elsewhere; }
