/* Which delegate took how much of a graph, read from the interpreter that was measured. */
#ifndef MOBILEBENCH_TFLITE_PLAN_H
#define MOBILEBENCH_TFLITE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/proof.h"
#include "tflite/api.h"

#define MAX_PARTS 4096

struct tflite_plan {
    bool read;
    /* Of the original graph. */
    long nodes;
    /* Those that stayed on TensorFlow Lite's own kernels. */
    long left;
    struct share shares[MAX_SHARES];
    size_t share_count;
    /* Every delegated part in the order of execution: its node, and which of `shares` runs it. */
    int *part_nodes;
    int *part_shares;
    size_t part_count;
    /* The delegate that looked; deleted after the interpreter. */
    void *observer;
};

/* Shows the interpreter's graph to a delegate that takes nothing; `read` stays false where the library cannot. */
void tflite_plan_read(struct tflite_plan *plan, const struct tflite_api *api, void *interpreter);

/* Whether a tensor of the graph is float16, as far as the library shows it; before it is given to a delegate. The
 * delegate that looked is left in `observer`, to be deleted after the interpreter. */
bool tflite_graph_has_float16(const struct tflite_api *api, void *interpreter, void **observer);

/* Name of the delegate that runs graph node `node`; NULL when it is not a delegated part. */
const char *tflite_plan_delegate(const struct tflite_plan *plan, int node);

void tflite_plan_free(struct tflite_plan *plan);

#endif
