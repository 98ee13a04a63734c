/* The features of the processor, read from the processor itself, because files in /proc can be faked. */
#ifndef MOBILEBENCH_CPU_H
#define MOBILEBENCH_CPU_H

#include <stddef.h>

#define MAX_CPU_FEATURES 32

/* Lists the instruction sets that matter to inference, and returns how many there are. */
size_t cpu_features(const char *names[MAX_CPU_FEATURES]);

#endif
