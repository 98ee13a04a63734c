/* The compiler's own limits, and the two that the system adds. */
#ifndef MOBILEBENCH_BIONIC_LIMITS_H
#define MOBILEBENCH_BIONIC_LIMITS_H

#include_next <limits.h>

#define PATH_MAX 4096
#define NAME_MAX 255

#endif
