/* One block: setup, warmup and predictions of one case, with proof. */
#ifndef MOBILEBENCH_BLOCK_H
#define MOBILEBENCH_BLOCK_H

#include "core/args.h"
#include "core/caller.h"
#include "core/engine.h"
#include "core/predictions.h"
#include "os/clock.h"
#include "os/memory.h"

enum setup_part { LIBRARY_LOAD, MODEL_READ, SESSION_CREATION, DELEGATE_PREPARATION, SETUP_PARTS };
enum stage { STAGE_SETUP, STAGE_WARMUP, STAGE_PREDICTION, STAGES };

struct block {
    const struct engine *engine;
    char version[64];
    struct proof proof;
    /* Milliseconds; negative for a part that did not happen. */
    double setup_ms[SETUP_PARTS];
    double warmup_ms;
    struct predictions predictions;
    struct cost cost[STAGES];
    struct kernels kernels;
    struct memory memory;
    struct strangers strangers;
};

extern const char *const setup_names[SETUP_PARTS];
extern const char *const stage_names[STAGES];

/* Returns false when a stage failed. What was measured before stays in `block`. */
bool block_run(struct options *options, struct block *block, const struct caller *caller, struct problem *problem);

void block_free(struct block *block);

#endif
