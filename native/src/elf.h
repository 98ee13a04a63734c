/* Whether a library can be for this processor at all, told before it is loaded. */
#ifndef MOBILEBENCH_ELF_H
#define MOBILEBENCH_ELF_H

#include "problem.h"

/* Reads the file's ELF header. A name without a slash is the system's to find, and passes. */
bool elf_check(const char *path, struct problem *problem);

#endif
