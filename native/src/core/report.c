#include "core/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/summary.h"

static void report_file(struct json *json, const char *path, size_t bytes) {
    if (path == NULL || bytes == 0)
        return;
    json_open(json, NULL, '{');
    json_string(json, "name", path);
    json_integer(json, "bytes", (long long)bytes);
    json_close(json, '}');
}

static void report_threads(struct json *json, const struct proof *proof) {
    if (!proof->threads_known)
        return;
    json_open(json, "thread_cpu_ms", '[');
    for (size_t i = 0; i < proof->threads.count; i++)
        json_number(json, NULL, proof->threads.cpu_ms[i]);
    json_close(json, ']');
    json_integer(json, "threads_alive", (long long)proof->threads.count);
    size_t working = threads_at_work(&proof->threads);
    if (working == 0)
        return;
    json_integer(json, "threads", (long long)working);
    json_string(json, "threads_source", "CPU time of every thread of the process during the predictions");
}

static void report_graph(struct json *json, const struct proof *proof) {
    if (proof->graph_nodes < 0)
        return;
    json_integer(json, "graph_nodes", proof->graph_nodes);
    json_open(json, "delegates", '[');
    for (size_t i = 0; i < proof->share_count; i++) {
        json_open(json, NULL, '{');
        json_string(json, "name", proof->shares[i].name);
        json_integer(json, "nodes", proof->shares[i].nodes);
        if (proof->shares[i].partitions >= 0)
            json_integer(json, "partitions", proof->shares[i].partitions);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void report_environment(struct json *json) {
    static const char *const names[] = {"ORT_DISABLE_TELEMETRY"};
    json_open(json, "environment", '{');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (getenv(names[i]) != NULL)
            json_string(json, names[i], getenv(names[i]));
    }
    json_close(json, '}');
}

static void report_cores(struct json *json, const struct cores *cores) {
    json_open(json, "affinity", '[');
    for (int core = 0; core < MAX_CORES; core++) {
        if (cores_has(cores, core))
            json_integer(json, NULL, core);
    }
    json_close(json, ']');
}

static void report_conditions(struct json *json, const struct options *options, const struct conditions *conditions) {
    json_string(json, "affinity_asked", options->affinity == NULL ? "none" : options->affinity);
    if (conditions->cores_known) {
        report_cores(json, &conditions->cores);
        json_bool(json, "affinity_kept", conditions->cores_kept);
    }
    if (conditions->cpuset[0] != '\0')
        json_string(json, "cpuset", conditions->cpuset);
    if (conditions->priority_known)
        json_integer(json, "priority", conditions->priority);
}

static void report_residency(struct json *json, const char *key, const struct residency *residency) {
    if (residency->pages > 0)
        json_number(json, key, (double)residency->resident / (double)residency->pages);
}

static void report_caches(struct json *json, const struct options *options, const struct proof *proof) {
    json_string(json, "caches_asked", page_cache_names[options->page_cache]);
    if (proof->model_bytes > 0)
        json_string(json, "model_access", model_access_name(proof->model_mapped ? ACCESS_MAPPED : ACCESS_READ));
    report_residency(json, "model_resident", &proof->model_residency);
    report_residency(json, "library_resident", &proof->library_residency);
}

static void report_proof(struct json *json, const struct options *options, const struct proof *proof, bool computes) {
    json_open(json, "proof", '{');
    json_open(json, "files", '[');
    report_file(json, options->model, proof->model_bytes);
    report_file(json, proof->library.path, proof->library.bytes);
    report_file(json, proof->delegate_library.path, proof->delegate_library.bytes);
    json_close(json, ']');
    json_string(json, "backend", proof->backend);
    json_string(json, "delegate_asked", options->delegate);
    json_string(json, "arithmetic_asked", options->arithmetic);
    if (computes)
        report_threads(json, proof);
    report_graph(json, proof);
    report_conditions(json, options, &proof->conditions);
    if (computes)
        report_caches(json, options, proof);
    json_open(json, "cpu_features", '[');
    for (size_t i = 0; i < proof->feature_count; i++)
        json_string(json, NULL, proof->features[i]);
    json_close(json, ']');
    json_number(json, "clock_resolution_ms", proof->clock.resolution_ms);
    json_number(json, "clock_cost_ms", proof->clock.cost_ms);
    report_environment(json);
    json_open(json, "notes", '[');
    for (size_t i = 0; i < proof->note_count; i++)
        json_string(json, NULL, proof->notes[i]);
    json_close(json, ']');
    json_close(json, '}');
}

static void report_times(struct json *json, const struct block *block, enum pass pass) {
    json_open(json, "setup_ms", '{');
    for (int part = 0; part < SETUP_PARTS; part++) {
        if (block->setup_ms[part] >= 0)
            json_number(json, setup_names[part], block->setup_ms[part]);
    }
    json_close(json, '}');
    json_open(json, "warmup_ms", '[');
    if (block->warmup_ms >= 0)
        json_number(json, NULL, block->warmup_ms);
    json_close(json, ']');
    json_open(json, "prediction_ms", '[');
    for (long i = 0; i < block->predictions.count; i++)
        json_number(json, NULL, block->predictions.ms[i]);
    json_close(json, ']');
    json_integer(json, "predictions_per_sample", block->predictions.group);
    json_string(json, "pass", pass_name(pass));
}

static void report_cost(struct json *json, const struct cost costs[STAGES]) {
    json_open(json, "cost", '{');
    for (int stage = 0; stage < STAGES; stage++) {
        const struct cost *cost = &costs[stage];
        if (!cost->known)
            continue;
        json_open(json, stage_names[stage], '{');
        json_number(json, "user_ms", cost->user_ms);
        json_number(json, "system_ms", cost->system_ms);
        json_integer(json, "minor_faults", cost->minor_faults);
        json_integer(json, "major_faults", cost->major_faults);
        json_integer(json, "voluntary_switches", cost->voluntary_switches);
        json_integer(json, "involuntary_switches", cost->involuntary_switches);
        json_close(json, '}');
    }
    json_close(json, '}');
}

static void report_kb(struct json *json, const char *key, long kb) {
    if (kb >= 0)
        json_integer(json, key, kb);
}

static void report_reading(struct json *json, const struct memory_reading *reading) {
    json_open(json, NULL, '{');
    json_number(json, "at_ms", reading->at_ms);
    json_string(json, "stage", reading->stage);
    report_kb(json, "rss_kb", reading->facts.rss_kb);
    report_kb(json, "pss_kb", reading->facts.pss_kb);
    report_kb(json, "uss_kb", reading->facts.uss_kb);
    report_kb(json, "anonymous_kb", reading->facts.anonymous_kb);
    report_kb(json, "file_kb", reading->facts.file_kb);
    json_close(json, '}');
}

static void report_memory(struct json *json, const struct memory *memory) {
    if (memory->readings == NULL)
        return;
    json_open(json, "memory", '{');
    report_kb(json, "peak_rss_kb", memory->peak_rss_kb);
    if (memory->period_ms > 0)
        json_number(json, "period_ms", (double)memory->period_ms);
    json_open(json, "readings", '[');
    for (size_t i = 0; i < memory->count; i++)
        report_reading(json, &memory->readings[i]);
    json_close(json, ']');
    report_kb(json, "graphics_kb", memory->graphics_kb);
    json_open(json, "notes", '[');
    for (size_t i = 0; i < memory->note_count; i++)
        json_string(json, NULL, memory->notes[i]);
    json_close(json, ']');
    json_close(json, '}');
}

static void report_kernels(struct json *json, const struct kernels *kernels) {
    json_open(json, "kernels", '[');
    for (size_t i = 0; i < kernels->count; i++) {
        const struct kernel *kernel = &kernels->items[i];
        json_open(json, NULL, '{');
        json_string(json, "name", kernel->name);
        if (kernel->node >= 0)
            json_integer(json, "node", kernel->node);
        if (kernel->provider[0] != '\0')
            json_string(json, "provider", kernel->provider);
        json_bool(json, "collapsed", kernel->collapsed);
        if (kernel->warmup_ms >= 0)
            json_number(json, "warmup_ms", kernel->warmup_ms);
        json_open(json, "times_ms", '[');
        for (size_t k = 0; k < kernel->count; k++)
            json_number(json, NULL, kernel->times_ms[k]);
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void report_sample(struct json *json, const struct tensor *tensor, size_t most) {
    size_t count = sample_count(tensor, most);
    json_open(json, "sample", '{');
    json_open(json, "index", '[');
    for (size_t k = 0; k < count; k++)
        json_integer(json, NULL, (long long)sample_index(tensor, count, k));
    json_close(json, ']');
    json_open(json, "value", '[');
    for (size_t k = 0; k < count; k++)
        json_number(json, NULL, sample_value(tensor, sample_index(tensor, count, k)));
    json_close(json, ']');
    json_close(json, '}');
}

static void report_output(struct json *json, const char *name, const struct tensor *tensor, size_t samples) {
    struct summary summary = summarise(tensor);
    char digest[16];
    snprintf(digest, sizeof digest, "%08x", (unsigned int)summary.digest);
    json_open(json, NULL, '{');
    json_string(json, "name", name);
    json_open(json, "shape", '[');
    for (size_t axis = 0; axis < tensor->rank; axis++)
        json_integer(json, NULL, tensor->dims[axis]);
    json_close(json, ']');
    json_integer(json, "non_finite", (long long)summary.non_finite);
    json_number(json, "l1", summary.l1);
    json_number(json, "l2", summary.l2);
    json_number(json, "max", summary.max);
    json_string(json, "digest", digest);
    report_sample(json, tensor, samples);
    json_close(json, '}');
}

static void report_block(struct json *json, const struct options *options, const struct block *block) {
    if (block->version[0] != '\0')
        json_string(json, "version", block->version);
    report_proof(json, options, &block->proof, block->engine->loads_files);
    report_times(json, block, options->pass);
    report_cost(json, block->cost);
    report_kernels(json, &block->kernels);
    report_memory(json, &block->memory);
}

void report(struct json *json, const struct options *options, const struct block *block,
            const struct problem *problem) {
    bool done = problem->outcome == OUTCOME_OK;
    json_open(json, NULL, '{');
    json_string(json, "schema", MEASUREMENT_SCHEMA);
    json_string(json, "status", done ? "ok" : problem->outcome == OUTCOME_UNSUPPORTED ? "unsupported" : "error");
    json_string(json, "reason", done ? NULL : problem->text);
    json_string(json, "engine", options != NULL && options->engine != NULL ? options->engine : "unknown");
    if (options != NULL && block->engine != NULL)
        report_block(json, options, block);
    json_open(json, "output", '[');
    for (size_t i = 0; done && block->engine->loads_files && i < options->output_count; i++) {
        const struct output *output = &options->outputs[i];
        report_output(json, output->canonical, options->answer == ANSWER_FIRST ? &output->first : &output->tensor,
                      (size_t)options->samples);
    }
    json_close(json, ']');
    json_close(json, '}');
}
