/* An engine that computes nothing: each inference sleeps. It shows the cost of everything around a measurement. With
 * the backend `instant` an inference returns at once, faster than any clock can measure. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/engine.h"

#define SLEEP_NANOSECONDS 50000000L

static bool load(const struct options *options, void **state, struct problem *problem) {
    (void)problem;
    *state = (void *)options;
    return true;
}

static bool open_session(void *state, const struct options *options, const struct file *model,
                         struct problem *problem) {
    (void)state, (void)options, (void)model, (void)problem;
    return true;
}

static bool ready(void *state, struct options *options, struct problem *problem) {
    (void)state, (void)options, (void)problem;
    return true;
}

static bool predict(void *state, struct options *options, struct problem *problem) {
    (void)state;
    if (strcmp(options->backend, "instant") == 0)
        return true;
    struct timespec left = {.tv_nsec = SLEEP_NANOSECONDS};
    while (nanosleep(&left, &left) != 0) {
        if (errno != EINTR)
            return fail(problem, OUTCOME_ERROR, "the sleep was interrupted");
    }
    return true;
}

static const char *version(void *state) {
    (void)state;
    return "1";
}

static void close_session(void *state) {
    (void)state;
}

static const struct backend backends[] = {{.name = "cpu"}, {.name = "instant"}};

const struct engine engine_sleep = {
    .name = "sleep",
    .backends = backends,
    .backend_count = sizeof backends / sizeof *backends,
    .loads_files = false,
    .load = load,
    .open = open_session,
    .ready = ready,
    .predict = predict,
    .version = version,
    .close = close_session,
};
