/* Memory that the graphics system holds for this process, as Android tells it. */
#ifndef MOBILEBENCH_GRAPHICS_H
#define MOBILEBENCH_GRAPHICS_H

#include <stddef.h>

#define DUMPSYS "/system/bin/dumpsys"

/* `Graphics` of `dumpsys meminfo` for this process, in KiB. -1 and the reason when it is not told within `seconds`;
 * the program is then ended. */
long graphics_kb(const char *program, double seconds, char *why, size_t size);

#endif
