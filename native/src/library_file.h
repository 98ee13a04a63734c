/* Whether a library can be for this processor at all, and is whole: told before it is loaded. */
#ifndef MOBILEBENCH_LIBRARY_FILE_H
#define MOBILEBENCH_LIBRARY_FILE_H

#include "problem.h"

/* Reads the file's ELF headers; the loader itself would fall over a file that was cut short. A name without a slash is
 * the system's to find, and passes. */
bool library_check(const char *path, struct problem *problem);

#endif
