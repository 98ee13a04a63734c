/* Times of operators, which TensorFlow Lite reports to a telemetry profiler while it runs. */
#ifndef MOBILEBENCH_TFLITE_PROFILE_H
#define MOBILEBENCH_TFLITE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/kernels.h"
#include "tflite/api.h"
#include "tflite/plan.h"

/* Operators that call other subgraphs (IF, WHILE) are nested. */
#define MAX_NESTING 16

struct running {
    const char *name;
    int node;
    int subgraph;
    double started;
    /* Its inner operators have times of their own, which are counted instead. */
    bool divided;
};

struct tflite_profile {
    struct telemetry_profiler profiler;
    struct running stack[MAX_NESTING];
    /* Operators nested deeper than the stack are counted, but not timed. */
    uint32_t depth;
    /* -1 before warmup, which is number 0. */
    long prediction;
    /* Among delegated parts with operator times: the number of the last part in this prediction, and of its last
     * operator. INT64_MAX where the next operator begins a part. */
    int part;
    int64_t last_index;
    struct kernels seen;
    /* After the end: the numbers of delegated parts with and without operator times. */
    int parts_timed;
    int parts_untimed;
};

/* Prepares `profile->profiler` for an interpreter. Neither may be moved afterwards. */
void tflite_profile_begin(struct tflite_profile *profile);

/* Begins the next prediction. The first one is warmup. */
void tflite_profile_next(struct tflite_profile *profile);

/* Finds the delegate of every kernel by the plan, and numbers the operators of each delegate through all of its parts.
 * Operators in other subgraphs (of IF and WHILE) have no number. */
void tflite_profile_end(struct tflite_profile *profile, const struct tflite_plan *plan, struct kernels *kernels);

void tflite_profile_free(struct tflite_profile *profile);

#endif
