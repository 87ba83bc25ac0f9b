// Starts and stops the counting of valgrind's callgrind from within a program, which loads this as
// a library. Does nothing outside of valgrind.
#include <valgrind/callgrind.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT void start(void) { CALLGRIND_START_INSTRUMENTATION; }
EXPORT void stop(void) { CALLGRIND_STOP_INSTRUMENTATION; }
