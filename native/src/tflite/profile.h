/* Times of operators, as TensorFlow Lite tells them to a telemetry profiler while it runs. */
#ifndef MOBILEBENCH_TFLITE_PROFILE_H
#define MOBILEBENCH_TFLITE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/kernels.h"
#include "tflite/api.h"
#include "tflite/plan.h"

/* Operators that call other subgraphs (IF, WHILE) nest. */
#define MAX_NESTING 16

struct running {
    const char *name;
    int node;
    int subgraph;
    double started;
    /* What it holds tells its own times, which are counted instead of its. */
    bool divided;
};

struct tflite_profile {
    struct telemetry_profiler profiler;
    struct running stack[MAX_NESTING];
    /* Nesting beyond the stack is counted, but not timed. */
    uint32_t depth;
    /* -1 before warmup, which is number 0. */
    long prediction;
    /* Of delegated parts that are looked into: the number of the last one in this prediction, and of its last operator;
     * INT64_MAX where the next one begins a part. */
    int part;
    int64_t last_index;
    struct kernels seen;
    /* After the end: delegated parts that told their operators' times, and those that told nothing. */
    int parts_told;
    int parts_untold;
};

/* Makes `profile->profiler` ready to be given to an interpreter; neither may move afterwards. */
void tflite_profile_begin(struct tflite_profile *profile);

/* The next prediction begins; the first one is warmup. */
void tflite_profile_next(struct tflite_profile *profile);

/* Says who ran what by the plan, and numbers the operators of each delegate through all of its parts. What runs in
 * further subgraphs (of IF and WHILE) has no number. */
void tflite_profile_end(struct tflite_profile *profile, const struct tflite_plan *plan, struct kernels *kernels);

void tflite_profile_free(struct tflite_profile *profile);

#endif
