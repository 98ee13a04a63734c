/* A file's pages in the system's page cache: made cold or warm before setup, and counted afterwards. */
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

/* Asks the system to drop the file from the page cache (cold), reads all of it (warm), or does nothing (as found). */
bool page_cache_bring(const char *path, enum page_cache state, struct problem *problem);

/* Adds the number of pages of a file, and how many of them are in memory. Returns false when that is unknown. */
bool page_cache_count(const char *path, struct residency *residency);

#endif
