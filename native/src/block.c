#include "block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Backend and setting: those asked for, or the first ones. */
static bool choose(struct options *options, const struct engine *engine, struct problem *problem) {
    const struct backend *backend = options->backend == NULL ? engine->backends : NULL;
    for (size_t i = 0; backend == NULL && i < engine->backend_count; i++) {
        if (strcmp(options->backend, engine->backends[i].name) == 0)
            backend = &engine->backends[i];
    }
    if (backend == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "engine `%s` has no backend `%s`", engine->name, options->backend);
    options->backend = backend->name;
    const char *const *setting = backend->settings;
    while (options->setting != NULL && *setting != NULL && strcmp(*setting, options->setting) != 0)
        setting++;
    if (*setting == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "backend `%s` of engine `%s` has no setting `%s`", backend->name,
                    engine->name, options->setting);
    options->setting = *setting;
    return true;
}

static bool check(struct options *options, const struct engine *engine, struct problem *problem) {
    if (!choose(options, engine, problem))
        return false;
    if (options->pass == PASS_KERNELS && engine->collect == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "engine `%s` does not tell its kernels' times", engine->name);
    if (!engine->loads_files)
        return true;
    if (options->library == NULL || options->model == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "engine `%s` needs --library and --model", engine->name);
    if (options->input_count == 0 || options->output_count == 0)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "engine `%s` needs at least one --input and one --output",
                    engine->name);
    return true;
}

static void lap(struct block *block, enum setup_part part, double started) {
    double spent = clock_ms() - started;
    block->setup_ms[part] = block->setup_ms[part] < 0 ? spent : block->setup_ms[part] + spent;
}

static bool prepare(struct options *options, struct block *block, struct file *model, void **state,
                    struct problem *problem) {
    const struct engine *engine = block->engine;
    double started = clock_ms();
    if (!engine->load(options, state, problem))
        return false;
    if (engine->version(*state) != NULL)
        snprintf(block->version, sizeof block->version, "%s", engine->version(*state));
    if (!engine->loads_files)
        return true;
    lap(block, LIBRARY_LOAD, started);

    started = clock_ms();
    if (!file_read(options->model, model, problem))
        return false;
    block->proof.model_bytes = model->bytes;
    lap(block, MODEL_READ, started);

    started = clock_ms();
    if (!engine->open(*state, options, model, problem))
        return false;
    lap(block, SESSION_CREATION, started);

    if (engine->delegate != NULL) {
        started = clock_ms();
        if (!engine->delegate(*state, options, problem))
            return false;
        lap(block, DELEGATE_PREPARATION, started);
    }

    started = clock_ms();
    if (!engine->ready(*state, options, problem))
        return false;
    lap(block, SESSION_CREATION, started);
    return true;
}

static bool timed(struct options *options, const struct engine *engine, void *state, double *spent_ms,
                  struct problem *problem) {
    double started = clock_ms();
    bool done = engine->predict(state, options, problem);
    *spent_ms = clock_ms() - started;
    return done;
}

static bool predict(struct options *options, struct block *block, void *state, struct problem *problem) {
    double end = clock_ms() + options->max_seconds * 1e3;
    while (block->predictions < options->max_predictions &&
           (block->predictions < options->min_predictions || clock_ms() < end)) {
        if (!timed(options, block->engine, state, &block->prediction_ms[block->predictions], problem))
            return false;
        block->predictions++;
    }
    return true;
}

static bool measure(struct options *options, struct block *block, void *state, struct problem *problem) {
    block->prediction_ms = calloc((size_t)options->max_predictions, sizeof *block->prediction_ms);
    if (block->prediction_ms == NULL)
        return fail(problem, OUTCOME_ERROR, "no memory for %ld predictions", options->max_predictions);
    if (!timed(options, block->engine, state, &block->warmup_ms, problem)) {
        block->warmup_ms = -1;
        return false;
    }
    struct thread_times before = {0};
    struct proof *proof = &block->proof;
    bool known = threads_read(&before);
    bool done = predict(options, block, state, problem);
    proof->threads_known = known && threads_read(&proof->threads);
    threads_since(&before, &proof->threads);
    threads_free(&before);
    if (done && options->pass == PASS_KERNELS)
        done = block->engine->collect(state, &block->kernels, problem);
    if (!done || block->engine->prove == NULL)
        return done;
    return block->engine->prove(state, proof, problem);
}

bool block_run(struct options *options, struct block *block, struct problem *problem) {
    *block = (struct block){.engine = engine_named(options->engine), .warmup_ms = -1};
    for (int part = 0; part < SETUP_PARTS; part++)
        block->setup_ms[part] = -1;
    block->proof.graph_nodes = -1;
    if (block->engine == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "unknown engine `%s`", options->engine);
    if (!check(options, block->engine, problem))
        return false;
    block->proof.clock = clock_observe();
    block->proof.feature_count = cpu_features(block->proof.features);
    for (size_t i = 0; i < options->input_count; i++)
        input_fill(&options->inputs[i].tensor, &options->inputs[i].fill, (uint32_t)i);

    struct file model = {0};
    void *state = NULL;
    bool done = prepare(options, block, &model, &state, problem) && measure(options, block, state, problem);
    if (state != NULL)
        block->engine->close(state);
    file_free(&model);
    return done;
}

void block_free(struct block *block) {
    free(block->prediction_ms);
    kernels_free(&block->kernels);
    threads_free(&block->proof.threads);
}
