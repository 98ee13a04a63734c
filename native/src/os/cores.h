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

/* A mask as in 0xf0, of at least one core. */
bool cores_of_mask(const char *text, struct cores *cores);

/* The cores named `big`, `little` or `prime`, by the speeds that are told below `root` (/sys/devices/system/cpu).
 *
 * Cores that are off are left out. Those whose speeds differ by less than a twentieth are of one kind. `little` is the
 * slowest kind. Of two kinds `big` is the faster one and there is no `prime`; of three or more the fastest is `prime`
 * and all between are `big`.
 */
bool cores_named(const char *root, const char *name, struct cores *cores, struct problem *problem);

/* Lets this thread, and those that it starts from now on, run on these cores only. */
bool cores_restrict(const struct cores *cores, const char *name, struct problem *problem);

/* Where a thread may run; 0 is the calling one. */
bool cores_of_thread(int thread, struct cores *cores);

#endif
