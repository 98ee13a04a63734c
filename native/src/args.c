#include "args.h"

#include <string.h>

#include "args_tensors.h"
#include "cores.h"
#include "number.h"

static const char *const pass_names[] = {"timing", "kernels", "memory"};
static const char *const answer_names[] = {"last", "first"};
static const char *const access_names[] = {"read", "mapped"};
static const char *const check_names[] = {"library", "delegate"};

const char *pass_name(enum pass pass) {
    return pass_names[pass];
}

const char *model_access_name(enum model_access access) {
    return access_names[access];
}

/* The position of `text` among `count` names; -1 when it is none of them. */
static int choice(const char *text, const char *const *names, int count) {
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    return -1;
}

/* What one option means; NOT_MINE hands it on to the next kind of options. */
enum taken { TAKEN, REFUSED, NOT_MINE };

static enum taken taken(bool done) {
    return done ? TAKEN : REFUSED;
}

static enum taken take_text(struct options *options, const char *name, char *value, struct problem *problem) {
    const struct {
        const char *name;
        const char **place;
    } texts[] = {{"--engine", &options->engine},   {"--backend", &options->backend},
                 {"--setting", &options->setting}, {"--library", &options->library},
                 {"--model", &options->model},     {"--delegate-library", &options->delegate_library},
                 {"--cache", &options->cache},     {"--scratch", &options->scratch}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(name, texts[i].name) != 0)
            continue;
        if (*value == '\0')
            return taken(fail(problem, OUTCOME_BAD_ARGUMENT, "option `%s` is empty", name));
        *texts[i].place = value;
        return TAKEN;
    }
    return NOT_MINE;
}

struct given {
    long threads;
    long batch;
    long allow_fp16;
};

static enum taken take_whole(struct options *options, struct given *given, const char *name, const char *value,
                             struct problem *problem) {
    const struct {
        const char *name;
        long low;
        long high;
        long *place;
    } numbers[] = {{"--threads", 1, MAX_THREADS, &given->threads},
                   {"--batch", 1, MAX_BATCH, &given->batch},
                   {"--allow-fp16", 0, 1, &given->allow_fp16},
                   {"--min-predictions", 1, MAX_PREDICTIONS, &options->min_predictions},
                   {"--max-predictions", 1, MAX_PREDICTIONS, &options->max_predictions},
                   {"--samples", 1, MAX_SAMPLES, &options->samples},
                   {"--memory-period", 0, MAX_MEMORY_PERIOD_MS, &options->memory_period_ms},
                   {"--priority", -20, 19, &options->priority}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(name, numbers[i].name) != 0)
            continue;
        options->priority_asked = options->priority_asked || strcmp(name, "--priority") == 0;
        return taken(
            number_whole(value, numbers[i].low, numbers[i].high, numbers[i].place) ||
            fail(problem, OUTCOME_BAD_ARGUMENT, "%s has to be %ld to %ld", name, numbers[i].low, numbers[i].high));
    }
    return NOT_MINE;
}

static bool take_affinity(struct options *options, const char *value, struct problem *problem) {
    static const char *const names[] = {"none", "big", "little", "prime"};
    struct cores cores;
    if (choice(value, names, 4) < 0 && !cores_of_mask(value, &cores))
        return fail(problem, OUTCOME_BAD_ARGUMENT, "--affinity has to be none, big, little, prime or a mask as 0xf0");
    options->affinity = strcmp(value, "none") == 0 ? NULL : value;
    return true;
}

static enum taken take_choice(struct options *options, const char *name, const char *value, struct problem *problem) {
    int at = 0;
    if (strcmp(name, "--affinity") == 0)
        return taken(take_affinity(options, value, problem));
    if (strcmp(name, "--pass") == 0) {
        at = choice(value, pass_names, 3);
        options->pass = at < 0 ? PASS_TIMING : (enum pass)at;
        return taken(at >= 0 || fail(problem, OUTCOME_BAD_ARGUMENT, "--pass has to be timing, kernels or memory"));
    }
    if (strcmp(name, "--check") == 0) {
        at = choice(value, check_names, 2);
        options->check = (enum check)(at + 1);
        return taken(at >= 0 || fail(problem, OUTCOME_BAD_ARGUMENT, "--check has to be library or delegate"));
    }
    if (strcmp(name, "--model-access") == 0) {
        at = choice(value, access_names, 2);
        options->model_access = at < 0 ? ACCESS_READ : (enum model_access)at;
        return taken(at >= 0 || fail(problem, OUTCOME_BAD_ARGUMENT, "--model-access has to be read or mapped"));
    }
    if (strcmp(name, "--answer") == 0) {
        at = choice(value, answer_names, 2);
        options->answer = at < 0 ? ANSWER_LAST : (enum answer)at;
        return taken(at >= 0 || fail(problem, OUTCOME_BAD_ARGUMENT, "--answer has to be first or last"));
    }
    if (strcmp(name, "--page-cache") == 0) {
        at = choice(value, page_cache_names, CACHE_STATES);
        options->page_cache = at < 0 ? CACHE_AS_FOUND : (enum page_cache)at;
        return taken(at >= 0 || fail(problem, OUTCOME_BAD_ARGUMENT, "--page-cache has to be `as found`, cold or warm"));
    }
    return NOT_MINE;
}

static bool take_seconds(struct options *options, const char *value, struct problem *problem) {
    bool good =
        number_real(value, &options->max_seconds) && options->max_seconds > 0 && options->max_seconds <= MAX_SECONDS;
    return good || fail(problem, OUTCOME_BAD_ARGUMENT, "--max-seconds has to be above 0 and at most %.0f", MAX_SECONDS);
}

static bool take(struct options *options, struct given *given, const char *name, char *value, struct problem *problem) {
    if (strcmp(name, "--input") == 0)
        return args_input(options, value, problem);
    if (strcmp(name, "--output") == 0)
        return args_output(options, value, problem);
    if (strcmp(name, "--max-seconds") == 0)
        return take_seconds(options, value, problem);
    enum taken done = take_text(options, name, value, problem);
    if (done == NOT_MINE)
        done = take_whole(options, given, name, value, problem);
    if (done == NOT_MINE)
        done = take_choice(options, name, value, problem);
    if (done == NOT_MINE)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "unknown option `%s`", name);
    return done == TAKEN;
}

bool args_parse(int argc, char **argv, struct options *options, struct problem *problem) {
    *options = (struct options){
        .min_predictions = 3, .max_predictions = 20, .max_seconds = 1.0, .samples = 64, .memory_period_ms = 50};
    struct given given = {0};
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            return fail(problem, OUTCOME_BAD_ARGUMENT, "option `%s` lacks its value", argv[i]);
        if (!take(options, &given, argv[i], argv[i + 1], problem))
            return false;
    }
    options->threads = (int)given.threads;
    options->allow_fp16 = given.allow_fp16 == 1;
    if (options->engine == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "--engine is missing");
    if (options->threads == 0)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "--threads is missing");
    if (options->min_predictions > options->max_predictions)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "--min-predictions (%ld) is more than --max-predictions (%ld)",
                    options->min_predictions, options->max_predictions);
    return given.batch == 0 || args_batch(options, given.batch, problem);
}

void args_free(struct options *options) {
    for (size_t i = 0; i < options->input_count; i++)
        tensor_free(&options->inputs[i].tensor);
    for (size_t i = 0; i < options->output_count; i++) {
        tensor_free(&options->outputs[i].tensor);
        tensor_free(&options->outputs[i].first);
    }
}
