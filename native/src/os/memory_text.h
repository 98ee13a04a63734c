/* Reads a process's memory, in KiB, from the texts in /proc. */
#ifndef MOBILEBENCH_MEMORY_TEXT_H
#define MOBILEBENCH_MEMORY_TEXT_H

#include <stdbool.h>

/* -1 when unknown. */
struct memory_facts {
    long rss_kb;
    long pss_kb;
    long uss_kb;
    long anonymous_kb;
    long file_kb;
};

/* Reads smaps_rollup in a folder such as /proc/self, else sums up its smaps, else reads statm, which has neither PSS
 * nor USS. Returns the name of the file that was read; NULL when there is none. */
const char *memory_facts_read(const char *folder, struct memory_facts *facts);

/* Returns the number of a line such as `Rss: 1808 kB` that begins with `label` after spaces; else -1. */
long memory_field(const char *line, const char *label);

/* Returns the largest resident set so far (VmHWM in `status`); -1 when unknown. */
long memory_peak_kb(const char *folder);

#endif
