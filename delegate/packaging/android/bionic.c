/* Functions of musl that Android's C library has under another name, only in later releases, or
 * only in the NDK's crtbegin_so.o. None are exported.
 */
#include <stddef.h>
#include <string.h>

#pragma GCC visibility push(default)
int* __errno(void);
int posix_memalign(void** memory, size_t alignment, size_t size);
void __cxa_finalize(void* library);
#pragma GCC visibility pop

int* __errno_location(void) { return __errno(); }

/* Since API 28. */
void* aligned_alloc(size_t alignment, size_t size) {
  void* memory = NULL;
  if (alignment < sizeof(void*)) alignment = sizeof(void*);
  return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

/* The compiler may call it instead of memcmp when only equality matters. */
int bcmp(const void* a, const void* b, size_t size) { return memcmp(a, b, size); }

/* Destructors of static objects run when the library is unloaded, not after. */
void* __dso_handle = &__dso_handle;
__attribute__((destructor)) static void finalize(void) { __cxa_finalize(&__dso_handle); }
