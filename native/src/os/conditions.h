/* The cores and the priority of this process: set before any thread is started, and read back later. */
#ifndef MOBILEBENCH_CONDITIONS_H
#define MOBILEBENCH_CONDITIONS_H

#include "os/cores.h"
#include "os/threads.h"

struct conditions {
    bool cores_known;
    /* The cores on which the process may run. */
    struct cores cores;
    /* Every thread may run on exactly these cores, and they are the ones that were asked for. */
    bool cores_kept;
    char cpuset[128];
    bool priority_known;
    int priority;
};

/* Restricts the process to the cores named `affinity` (`big`, `little`, `prime` or a mask; NULL: no change), whose set
 * is left in `asked`, and gives it the nice value `*priority` (NULL: no change). What the system refuses is
 * `unsupported`. */
bool conditions_take(const char *affinity, const int *priority, struct cores *asked, struct problem *problem);

/* Reads back what the process runs under. `asked` is the set of cores that was asked for, or NULL. Strangers do not
 * count. */
void conditions_read(const struct cores *asked, const struct strangers *strangers, struct conditions *conditions);

#endif
