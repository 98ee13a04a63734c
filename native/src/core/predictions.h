/* The timed predictions of a block, one by one or in groups. */
#ifndef MOBILEBENCH_PREDICTIONS_H
#define MOBILEBENCH_PREDICTIONS_H

#include "core/engine.h"

struct predictions {
    /* One sample each: a prediction's time, or the mean of a group. */
    double *ms;
    long count;
    long group;
};

/* Makes room for the samples. */
bool predictions_begin(struct predictions *predictions, const struct options *options, struct problem *problem);

/* Predicts until the options' rule is fulfilled, of which the counts are of samples.
 *
 * Predictions are timed one by one. When the median of the first ones turns out to be less than a hundred times the
 * clock's cost or smallest step, these are dropped but for a note, and groups are timed that are long enough. A kernels
 * pass has no groups, since its times are told by prediction. Samples taken before a failure stay.
 */
bool predictions_take(struct predictions *predictions, struct options *options, const struct engine *engine,
                      void *state, struct proof *proof, struct problem *problem);

void predictions_free(struct predictions *predictions);

#endif
