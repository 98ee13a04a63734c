#include "core/predictions.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CALIBRATION 9
#define CLOCK_SHARE 0.01
/* Groups are made this many times longer than necessary, because the processor may speed up later. */
#define MARGIN 2
#define LARGEST_GROUP 1048576L

/* Set by SIGTERM while predictions are made. */
static volatile int asked_to_end;

static void ask_to_end(int number) {
    (void)number;
    asked_to_end = 1;
}

struct subject {
    struct options *options;
    const struct engine *engine;
    void *state;
};

bool predictions_begin(struct predictions *predictions, const struct options *options, struct problem *problem) {
    *predictions = (struct predictions){.group = 1};
    predictions->ms = calloc((size_t)options->max_predictions, sizeof *predictions->ms);
    return predictions->ms != NULL ||
           fail(problem, OUTCOME_ERROR, "no memory for %d predictions", options->max_predictions);
}

static bool timed(const struct subject *subject, long group, double *spent_ms, struct problem *problem) {
    double started = clock_ms();
    for (long i = 0; i < group; i++) {
        if (!subject->engine->predict(subject->state, subject->options, problem))
            return false;
    }
    *spent_ms = clock_ms() - started;
    return true;
}

/* Adds samples until there are `most`, or until the time is over (SIGTERM ends it early) and there are
 * `min_predictions`. */
static bool take_samples(struct predictions *predictions, const struct subject *subject, long most, double end_ms,
                         struct problem *problem) {
    while (predictions->count < most &&
           (predictions->count < subject->options->min_predictions || (!asked_to_end && clock_ms() < end_ms))) {
        double spent = 0;
        if (!timed(subject, predictions->group, &spent, problem))
            return false;
        predictions->ms[predictions->count++] = spent / (double)predictions->group;
    }
    return true;
}

static int least_first(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Returns the median of the first samples, of which there are at most CALIBRATION. */
static double median_of(const struct predictions *predictions) {
    double sorted[CALIBRATION];
    size_t count = (size_t)predictions->count;
    memcpy(sorted, predictions->ms, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, least_first);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

/* Returns how long a sample has to be so that the clock's error is at most a hundredth of it. */
static double long_enough(const struct clock_facts *clock) {
    return (clock->cost_ms > clock->resolution_ms ? clock->cost_ms : clock->resolution_ms) / CLOCK_SHARE;
}

/* Returns the shortest of CALIBRATION timings of a group, so that an interruption does not count. */
static bool shortest_of(const struct subject *subject, long group, double *shortest_ms, struct problem *problem) {
    for (int i = 0; i < CALIBRATION; i++) {
        double spent = 0;
        if (!timed(subject, group, &spent, problem))
            return false;
        if (i == 0 || spent < *shortest_ms)
            *shortest_ms = spent;
    }
    return true;
}

/* Finds the smallest group that takes `least_ms`, by timing larger and larger groups. */
static bool find_group(const struct subject *subject, double least_ms, long *group, struct problem *problem) {
    double spent = 0;
    for (*group = 2; *group<LARGEST_GROUP; *group = spent> least_ms / 2 ? *group + *group / 4 + 1 : *group * 2) {
        if (!shortest_of(subject, *group, &spent, problem))
            return false;
        if (spent >= least_ms)
            return true;
    }
    return true;
}

static bool regroup(struct predictions *predictions, const struct subject *subject, double median, struct proof *proof,
                    struct problem *problem) {
    const struct clock_facts *clock = &proof->clock;
    if (subject->options->pass == PASS_KERNELS) {
        prove_note(proof, "the clock (cost %.0f ns, step %.0f ns) is more than 1 %% of the median prediction (%.0f ns)",
                   clock->cost_ms * 1e6, clock->resolution_ms * 1e6, median * 1e6);
        return true;
    }
    long tried = predictions->count;
    predictions->count = 0;
    if (!find_group(subject, MARGIN * long_enough(clock), &predictions->group, problem))
        return false;
    prove_note(proof,
               "predictions are timed in groups of %ld, since the clock (cost %.0f ns, step %.0f ns) is more than 1 %% "
               "of the median prediction (%.0f ns, of %ld that are not among the samples)",
               predictions->group, clock->cost_ms * 1e6, clock->resolution_ms * 1e6, median * 1e6, tried);
    return true;
}

bool predictions_take(struct predictions *predictions, struct options *options, const struct engine *engine,
                      void *state, const struct caller *caller, struct proof *proof, struct problem *problem) {
    struct subject subject = {options, engine, state};
    long most = options->max_predictions;
    if (caller->own_process)
        signal(SIGTERM, ask_to_end);
    double end_ms = clock_ms() + options->max_seconds * 1e3;
    if (!take_samples(predictions, &subject, most < CALIBRATION ? most : CALIBRATION, end_ms, problem))
        return false;
    double median = median_of(predictions);
    if (median < long_enough(&proof->clock)) {
        if (!regroup(predictions, &subject, median, proof, problem))
            return false;
        end_ms = clock_ms() + options->max_seconds * 1e3;
    }
    bool done = take_samples(predictions, &subject, most, end_ms, problem);
    if (asked_to_end)
        prove_note(proof, "SIGTERM ended the predictions early");
    return done;
}

void predictions_free(struct predictions *predictions) {
    free(predictions->ms);
    predictions->ms = NULL;
}
