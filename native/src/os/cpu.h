/* What the CPU itself says that it can do (no file is asked: those can be made up). */
#ifndef MOBILEBENCH_CPU_H
#define MOBILEBENCH_CPU_H

#include <stddef.h>

#define MAX_CPU_FEATURES 32

/* The instruction sets that matter to inference; returns how many. */
size_t cpu_features(const char *names[MAX_CPU_FEATURES]);

#endif
