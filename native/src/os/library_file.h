/* Checks before loading whether a library file is complete and built for this processor. */
#ifndef MOBILEBENCH_LIBRARY_FILE_H
#define MOBILEBENCH_LIBRARY_FILE_H

#include "os/problem.h"

/* Reads the file's ELF headers; the loader itself would fall over a file that was cut short. A name without a slash is
 * the system's to find, and passes. */
bool library_check(const char *path, struct problem *problem);

#endif
