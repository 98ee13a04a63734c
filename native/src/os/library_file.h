/* Checks before loading whether a library file is complete and built for this processor. */
#ifndef MOBILEBENCH_LIBRARY_FILE_H
#define MOBILEBENCH_LIBRARY_FILE_H

#include "os/problem.h"

/* Checks the file's ELF headers, because the loader crashes on a file that was cut short. A name without a slash is
 * left to the loader. */
bool library_check(const char *path, struct problem *problem);

#endif
