#include "core/block.h"

#include <stdio.h>
#include <string.h>

#include "core/loading.h"
#include "os/library_file.h"

const char *const setup_names[SETUP_PARTS] = {"library_load", "model_read", "session_creation", "delegate_preparation"};
const char *const stage_names[STAGES] = {"setup", "warmup", "prediction"};

/* Sets a choice of the backend: the value that was asked for, or the first one. */
static bool choose_value(const struct engine *engine, const struct backend *backend, const char *title,
                         const char *const *values, const char **chosen, struct problem *problem) {
    if (*chosen == NULL || values[0] == NULL) {
        if (*chosen != NULL)
            return fail(problem, OUTCOME_BAD_ARGUMENT, "backend `%s` of engine `%s` leaves no choice of %s",
                        backend->name, engine->name, title);
        *chosen = values[0];
        return true;
    }
    for (size_t i = 0; i < MAX_CHOICES && values[i] != NULL; i++) {
        if (strcmp(values[i], *chosen) == 0) {
            *chosen = values[i];
            return true;
        }
    }
    return fail(problem, OUTCOME_BAD_ARGUMENT, "backend `%s` of engine `%s` has no %s `%s`", backend->name,
                engine->name, title, *chosen);
}

/* Sets the backend, its delegate and its arithmetic: the ones asked for, or the first ones. */
static bool choose(struct options *options, const struct engine *engine, struct problem *problem) {
    const struct backend *backend = options->backend == NULL ? engine->backends : NULL;
    for (size_t i = 0; backend == NULL && i < engine->backend_count; i++) {
        if (strcmp(options->backend, engine->backends[i].name) == 0)
            backend = &engine->backends[i];
    }
    if (backend == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "engine `%s` has no backend `%s`", engine->name, options->backend);
    options->backend = backend->name;
    return choose_value(engine, backend, "delegate", backend->delegates, &options->delegate, problem) &&
           choose_value(engine, backend, "arithmetic", backend->arithmetics, &options->arithmetic, problem);
}

static bool check(struct options *options, const struct engine *engine, struct problem *problem) {
    if (!choose(options, engine, problem))
        return false;
    if (options->pass == PASS_KERNELS && engine->collect == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "engine `%s` does not report the times of its kernels", engine->name);
    if (options->check != CHECK_NOTHING)
        return (engine->loads_files && options->library != NULL) ||
               fail(problem, OUTCOME_BAD_ARGUMENT, "--check needs an engine with a --library");
    if (!engine->loads_files)
        return true;
    if (options->library == NULL || options->model == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "engine `%s` needs --library and --model", engine->name);
    if (options->input_count == 0 || options->output_count == 0)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "engine `%s` needs at least one --input and one --output",
                    engine->name);
    return true;
}

/* Ends a part of setup. The readings of a memory pass belong to no part. */
static void lap(struct block *block, enum setup_part part, double started) {
    double spent = clock_ms() - started;
    block->setup_ms[part] = block->setup_ms[part] < 0 ? spent : block->setup_ms[part] + spent;
    memory_mark(&block->memory, setup_names[part]);
}

static bool read_model(const struct options *options, struct file *model, struct problem *problem) {
    return options->model_access == ACCESS_MAPPED ? file_map(options->model, model, problem)
                                                  : file_read(options->model, model, problem);
}

static bool set_up(struct options *options, struct block *block, struct file *model, void **state,
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
    if (!read_model(options, model, problem))
        return false;
    block->proof.model_bytes = model->bytes;
    block->proof.model_mapped = model->mapped;
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

static bool warm_up(struct options *options, struct block *block, void *state, struct problem *problem) {
    double started = clock_ms();
    if (!block->engine->predict(state, options, problem))
        return false;
    block->warmup_ms = clock_ms() - started;
    memory_mark(&block->memory, stage_names[STAGE_WARMUP]);
    return true;
}

static bool keep_first(struct options *options, struct problem *problem) {
    for (size_t i = 0; i < options->output_count; i++) {
        if (!tensor_copy(&options->outputs[i].first, &options->outputs[i].tensor, problem))
            return false;
    }
    return true;
}

static bool predict(struct options *options, struct block *block, void *state, const struct caller *caller,
                    struct problem *problem) {
    struct thread_times before = {0};
    struct proof *proof = &block->proof;
    block->strangers.sampler = memory_sampler(&block->memory);
    bool known = threads_read(&before, &block->strangers);
    bool done = predictions_take(&block->predictions, options, block->engine, state, caller, proof, problem);
    proof->threads_known = known && threads_read(&proof->threads, &block->strangers);
    threads_since(&before, &proof->threads);
    threads_free(&before);
    memory_mark(&block->memory, stage_names[STAGE_PREDICTION]);
    return done;
}

static void tell(const struct caller *caller, enum stage stage) {
    if (caller->stage != NULL)
        caller->stage(caller->context, stage_names[stage]);
}

static bool measure(struct options *options, struct block *block, struct file *model, void **state,
                    const struct caller *caller, struct problem *problem) {
    tell(caller, STAGE_SETUP);
    struct cost before = cost_now();
    bool done = set_up(options, block, model, state, problem);
    block->cost[STAGE_SETUP] = cost_since(&before);
    if (!done || !predictions_begin(&block->predictions, options, problem))
        return false;

    tell(caller, STAGE_WARMUP);
    before = cost_now();
    if (!warm_up(options, block, *state, problem))
        return false;
    block->cost[STAGE_WARMUP] = cost_since(&before);
    if (block->engine->loads_files && options->answer == ANSWER_FIRST && !keep_first(options, problem))
        return false;

    tell(caller, STAGE_PREDICTION);
    before = cost_now();
    done = predict(options, block, *state, caller, problem);
    block->cost[STAGE_PREDICTION] = cost_since(&before);
    return done;
}

static bool prove(struct options *options, struct block *block, void *state, const struct cores *asked,
                  struct problem *problem) {
    conditions_read(options->affinity == NULL ? NULL : asked, &block->strangers, &block->proof.conditions);
    memory_end(&block->memory);
    if (options->delegate_library != NULL)
        file_loaded(options->delegate_library, &block->proof.delegate_library);
    if (options->pass == PASS_KERNELS && !block->engine->collect(state, &block->kernels, problem))
        return false;
    return block->engine->prove == NULL || block->engine->prove(state, &block->proof, problem);
}

static bool make_inputs(struct options *options, struct problem *problem) {
    for (size_t i = 0; i < options->input_count; i++) {
        struct input *input = &options->inputs[i];
        if (!input_make(&input->tensor, &input->fill, (uint32_t)i, problem))
            return false;
    }
    return true;
}

/* Checks that the libraries are built for this processor, and prepares the page cache. */
static bool make_files(const struct options *options, struct proof *proof, struct problem *problem) {
    const char *const files[] = {options->library, options->delegate_library, options->model};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bool is_model = files[i] == options->model;
        struct residency *residency = is_model ? &proof->model_residency : &proof->library_residency;
        if (files[i] == NULL)
            continue;
        if ((!is_model && !library_check(files[i], problem)) ||
            !page_cache_bring(files[i], options->page_cache, problem))
            return false;
        if (!page_cache_count(files[i], residency))
            *residency = (struct residency){0};
    }
    return true;
}

static bool find_strangers(struct block *block, struct problem *problem) {
    if (!strangers_find(&block->strangers))
        return fail(problem, OUTCOME_ERROR, "the threads of this process cannot be listed");
    prove_note(
        &block->proof,
        "of the threads of this process, the proof leaves out those of the app and its virtual machine: %zu from "
        "before the block, and later ones by their names",
        block->strangers.count);
    return true;
}

static bool make_ready(struct options *options, struct block *block, const struct caller *caller, struct cores *asked,
                       struct problem *problem) {
    if (!caller->own_process && !find_strangers(block, problem))
        return false;
    block->proof.clock = clock_observe();
    block->proof.feature_count = cpu_features(block->proof.features);
    if (options->pass == PASS_MEMORY && !memory_begin(&block->memory, !caller->own_process, problem))
        return false;
    const int *asked_priority = options->priority == PRIORITY_NOT_ASKED ? NULL : &options->priority;
    if (!make_inputs(options, problem) || !conditions_take(options->affinity, asked_priority, asked, problem))
        return false;
    if (block->engine->loads_files && !make_files(options, &block->proof, problem))
        return false;
    memory_mark(&block->memory, "inputs");
    return memory_sample(&block->memory, options->memory_period_ms, problem);
}

bool block_run(struct options *options, struct block *block, const struct caller *caller, struct problem *problem) {
    *block = (struct block){.engine = engine_named(options->engine), .warmup_ms = -1};
    for (int part = 0; part < SETUP_PARTS; part++)
        block->setup_ms[part] = -1;
    block->proof.graph_nodes = -1;
    block->predictions.group = 1;
    if (block->engine == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "unknown engine `%s`", options->engine);
    if (!check(options, block->engine, problem))
        return false;
    if (options->check != CHECK_NOTHING)
        return loading_check(options, block->engine, caller, problem);

    struct cores asked = {0};
    struct file model = {0};
    void *state = NULL;
    bool done = make_ready(options, block, caller, &asked, problem) &&
                measure(options, block, &model, &state, caller, problem) &&
                prove(options, block, state, &asked, problem);
    memory_end(&block->memory);
    if (state != NULL)
        block->engine->close(state);
    file_free(&model);
    return done;
}

void block_free(struct block *block) {
    predictions_free(&block->predictions);
    kernels_free(&block->kernels);
    memory_free(&block->memory);
    threads_free(&block->proof.threads);
    strangers_free(&block->strangers);
}
