/* The memory that Android's graphics system holds for this process. */
#ifndef MOBILEBENCH_GRAPHICS_H
#define MOBILEBENCH_GRAPHICS_H

#include <stddef.h>

#define DUMPSYS "/system/bin/dumpsys"

/* Returns the value `Graphics` of `dumpsys meminfo` for this process, in KiB. Returns -1, and the reason in `why`, when
 * there is no value within `seconds`; the program is then ended. */
long graphics_kb(const char *program, double seconds, char *why, size_t size);

#endif
