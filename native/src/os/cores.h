/* Sets of processor cores: by name, by mask, of a thread. */
#ifndef MOBILEBENCH_CORES_H
#define MOBILEBENCH_CORES_H

#include "os/problem.h"

#define MAX_CORES 1024
#define CORE_WORDS (MAX_CORES / (8 * sizeof(unsigned long)))

struct cores {
    unsigned long bits[CORE_WORDS];
};

bool cores_has(const struct cores *cores, int core);
bool cores_same(const struct cores *left, const struct cores *right);

/* Reads a mask such as 0xf0, which has to name at least one core. */
bool cores_of_mask(const char *text, struct cores *cores);

/* Finds the cores named `big`, `little` or `prime`, by the speeds in the files below `root` (/sys/devices/system/cpu).
 *
 * Cores that are off are left out. Cores whose speeds differ by less than a twentieth are of one kind. `little` is the
 * slowest kind. With two kinds `big` is the faster one and there is no `prime`; with three or more the fastest is
 * `prime` and all between are `big`.
 */
bool cores_named(const char *root, const char *name, struct cores *cores, struct problem *problem);

/* Restricts this thread, and the threads that it starts later, to these cores. */
bool cores_restrict(const struct cores *cores, const char *name, struct problem *problem);

/* Reads the cores on which a thread may run; 0 is the calling thread. */
bool cores_of_thread(int thread, struct cores *cores);

#endif
