/* The timed predictions of a block, one by one or in groups. */
#ifndef MOBILEBENCH_PREDICTIONS_H
#define MOBILEBENCH_PREDICTIONS_H

#include "core/caller.h"
#include "core/engine.h"

struct predictions {
    /* One value per sample: the time of a prediction, or the mean of a group. */
    double *ms;
    long count;
    long group;
};

/* Allocates room for the samples. */
bool predictions_begin(struct predictions *predictions, const struct options *options, struct problem *problem);

/* Predicts until the rule in the options is met. The rule counts samples.
 *
 * Predictions are timed one by one. When the median of the first ones is less than a hundred times the clock's cost or
 * smallest step, they are dropped, a note says so, and groups of predictions are timed that are long enough. A kernels
 * pass has no groups, because it needs the time of every prediction. Samples taken before a failure are kept.
 * In a process of its own, SIGTERM ends the time of the rule early: the samples so far are reported, with a note.
 */
bool predictions_take(struct predictions *predictions, struct options *options, const struct engine *engine,
                      void *state, const struct caller *caller, struct proof *proof, struct problem *problem);

void predictions_free(struct predictions *predictions);

#endif
