/* One block: setup, warmup and predictions of one case, with proof. */
#ifndef MOBILEBENCH_BLOCK_H
#define MOBILEBENCH_BLOCK_H

#include "args.h"
#include "engine.h"

enum setup_part { LIBRARY_LOAD, MODEL_READ, SESSION_CREATION, DELEGATE_PREPARATION, SETUP_PARTS };

struct block {
    const struct engine *engine;
    char version[64];
    struct proof proof;
    /* Milliseconds; negative for a part that did not take place. */
    double setup_ms[SETUP_PARTS];
    double warmup_ms;
    double *prediction_ms;
    long predictions;
    struct kernels kernels;
};

/* False when a stage failed; what was measured before stays in `block`. */
bool block_run(struct options *options, struct block *block, struct problem *problem);

void block_free(struct block *block);

#endif
