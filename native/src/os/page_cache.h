/* What the system keeps of a file in memory: made cold or warm before setup, and read back. */
#ifndef MOBILEBENCH_PAGE_CACHE_H
#define MOBILEBENCH_PAGE_CACHE_H

#include <stddef.h>

#include "os/problem.h"

enum page_cache { CACHE_AS_FOUND, CACHE_COLD, CACHE_WARM, CACHE_STATES };

struct residency {
    size_t pages;
    size_t resident;
};

extern const char *const page_cache_names[CACHE_STATES];

/* Asks the system to drop the file from memory, or reads all of it; or leaves it as found. */
bool page_cache_bring(const char *path, enum page_cache state, struct problem *problem);

/* Adds the pages of a file, and those of them that are in memory; false when the system does not tell. */
bool page_cache_count(const char *path, struct residency *residency);

#endif
