/* The nodes that each delegate took, read from the interpreter that was measured. */
#ifndef MOBILEBENCH_TFLITE_PLAN_H
#define MOBILEBENCH_TFLITE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/proof.h"
#include "tflite/api.h"

#define MAX_PARTS 4096

struct tflite_plan {
    bool read;
    /* Nodes of the original graph. */
    long nodes;
    /* Nodes that stayed on TensorFlow Lite's own kernels. */
    long left;
    struct share shares[MAX_SHARES];
    size_t share_count;
    /* The delegated parts in the order of execution: the node of each, and the index in `shares` of its delegate. */
    int *part_nodes;
    int *part_shares;
    size_t part_count;
    /* The delegate that read the graph. It is deleted after the interpreter. */
    void *observer;
};

/* Reads the interpreter's graph through a delegate that takes no node. `read` stays false where the library cannot do
 * that. */
void tflite_plan_read(struct tflite_plan *plan, const struct tflite_api *api, void *interpreter);

/* Returns whether a tensor of the graph is known to be float16. Called before the graph is given to a delegate. The
 * delegate that read the graph is left in `observer`, and has to be deleted after the interpreter. */
bool tflite_graph_has_float16(const struct tflite_api *api, void *interpreter, void **observer);

/* Returns the name of the delegate that runs the graph node `node`; NULL when the node is not a delegated part. */
const char *tflite_plan_delegate(const struct tflite_plan *plan, int node);

void tflite_plan_free(struct tflite_plan *plan);

#endif
