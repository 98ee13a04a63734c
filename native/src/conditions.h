/* What the process runs under: its cores and its priority, set before anything starts threads and read back later. */
#ifndef MOBILEBENCH_CONDITIONS_H
#define MOBILEBENCH_CONDITIONS_H

#include "args.h"
#include "cores.h"

struct conditions {
    bool cores_known;
    /* On which the process may run. */
    struct cores cores;
    /* Every thread may run on just these, which are those that were asked for. */
    bool cores_kept;
    char cpuset[128];
    bool priority_known;
    int priority;
};

/* Takes the cores and the priority that the options ask for. Refusals are `unsupported`. */
bool conditions_take(const struct options *options, struct cores *asked, struct problem *problem);

/* Reads back; thread `besides` is the runner's own and does not count. */
void conditions_read(const struct options *options, const struct cores *asked, int besides,
                     struct conditions *conditions);

#endif
