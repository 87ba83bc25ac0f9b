// Numbers of system calls that no kernel has: instructions.c sees them.
#pragma once

enum { MARK_START = 999001, MARK_STOP = 999002 };
