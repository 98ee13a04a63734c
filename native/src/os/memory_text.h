/* What the system's texts say of a process's memory, in KiB. */
#ifndef MOBILEBENCH_MEMORY_TEXT_H
#define MOBILEBENCH_MEMORY_TEXT_H

#include <stdbool.h>

/* -1: not told. */
struct memory_facts {
    long rss_kb;
    long pss_kb;
    long uss_kb;
    long anonymous_kb;
    long file_kb;
};

/* Reads smaps_rollup of a folder such as /proc/self, else sums its smaps, else takes statm, which knows neither PSS nor
 * USS. The name of what was read; NULL when there is none of them. */
const char *memory_facts_read(const char *folder, struct memory_facts *facts);

/* A line's number of KiB, if it begins with `label` after spaces, as in `Rss:    1808 kB`; -1 otherwise. */
long memory_field(const char *line, const char *label);

/* The largest resident set so far (VmHWM of `status`); -1 when the system does not tell. */
long memory_peak_kb(const char *folder);

#endif
