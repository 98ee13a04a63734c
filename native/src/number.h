/* Numbers out of text, whole and within their bounds, or not at all. */
#ifndef MOBILEBENCH_NUMBER_H
#define MOBILEBENCH_NUMBER_H

#include <stdbool.h>

/* A whole decimal number from `low` to `high`; nothing may follow it. */
bool number_whole(const char *text, long low, long high, long *value);

/* A finite number; nothing may follow it. */
bool number_real(const char *text, double *value);

#endif
