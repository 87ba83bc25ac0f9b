// Starts and stops the counting of instructions.c from within a program, which loads this as a
// library.
#include "marks.h"

#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT void start(void) { syscall(MARK_START); }
EXPORT void stop(void) { syscall(MARK_STOP); }
