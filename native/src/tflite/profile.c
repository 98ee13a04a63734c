#include "tflite/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"

/* Nodes of other subgraphs are numbered separately. */
#define FIRST_SUBGRAPH_PART (-2)

static void ignore_event(struct telemetry_profiler *profiler, const char *name, uint64_t status) {
    (void)profiler;
    (void)name;
    (void)status;
}

static void ignore_operator_event(struct telemetry_profiler *profiler, const char *name, int64_t index,
                                  int64_t subgraph, uint64_t status) {
    (void)profiler;
    (void)name;
    (void)index;
    (void)subgraph;
    (void)status;
}

static void ignore_settings(struct telemetry_profiler *profiler, const char *name, const void *settings) {
    (void)profiler;
    (void)name;
    (void)settings;
}

static struct running *innermost(struct tflite_profile *profile) {
    return profile->depth == 0 || profile->depth > MAX_NESTING ? NULL : &profile->stack[profile->depth - 1];
}

static uint32_t begin(struct telemetry_profiler *profiler, const char *name, int64_t index, int64_t subgraph) {
    struct tflite_profile *profile = profiler->data;
    profile->last_index = INT64_MAX;
    if (profile->depth < MAX_NESTING) {
        profile->stack[profile->depth] = (struct running){
            .name = name,
            .node = (int)index,
            .subgraph = (int)subgraph,
            .started = clock_ms(),
        };
    }
    return profile->depth++;
}

static void end(struct telemetry_profiler *profiler, uint32_t handle) {
    struct tflite_profile *profile = profiler->data;
    double now = clock_ms();
    if (profile->depth == 0 || handle != profile->depth - 1)
        return;
    const struct running *done = innermost(profile);
    profile->depth--;
    if (done == NULL || profile->prediction < 0)
        return;
    struct running *around = innermost(profile);
    if (around != NULL)
        around->divided = true;
    if (done->divided)
        return;
    struct kernel_key key = {
        .name = done->name,
        .provider = "",
        .node = done->node,
        .part = done->subgraph > 0 ? FIRST_SUBGRAPH_PART - done->subgraph : -1,
    };
    kernels_add(&profile->seen, &key, profile->prediction, now - done->started);
}

/* Receives the time of an operator inside a delegated part, from a delegate that times them itself, as XNNPACK does.
 * The part itself then has no event. Every part counts its operators from 0. */
static void operator_time(struct telemetry_profiler *profiler, const char *name, uint64_t elapsed, int64_t index,
                          int64_t subgraph) {
    (void)subgraph;
    struct tflite_profile *profile = profiler->data;
    struct running *around = innermost(profile);
    if (profile->prediction < 0)
        return;
    if (around != NULL)
        around->divided = true;
    if (index <= profile->last_index)
        profile->part++;
    profile->last_index = index;
    struct kernel_key key = {.name = name, .provider = "", .node = (int)index, .part = profile->part};
    kernels_add(&profile->seen, &key, profile->prediction, (double)elapsed / 1e3);
}

void tflite_profile_next(struct tflite_profile *profile) {
    profile->prediction++;
    profile->part = -1;
    profile->last_index = INT64_MAX;
}

void tflite_profile_begin(struct tflite_profile *profile) {
    profile->prediction = -1;
    profile->profiler = (struct telemetry_profiler){
        .data = profile,
        .event = ignore_event,
        .operator_event = ignore_operator_event,
        .settings = ignore_settings,
        .begin = begin,
        .end = end,
        .operator_time = operator_time,
    };
}

static bool announced(const struct kernels *seen, int node) {
    for (size_t k = 0; k < seen->count; k++) {
        if (seen->items[k].part == -1 && seen->items[k].node == node)
            return true;
    }
    return false;
}

/* Returns the delegate of number `part` of the parts without an event of their own; beyond them, the last one's. */
static const char *delegate_of(const struct tflite_plan *plan, const char *const *silent, size_t silent_count,
                               int part) {
    if (silent_count == 0)
        return plan->share_count == 0 ? "" : plan->shares[0].name;
    return silent[(size_t)part < silent_count ? (size_t)part : silent_count - 1];
}

/* Returns the number of a kernel among those of its delegate. Kernels are in the order in which they first ran. */
static int number_in_delegate(const struct kernels *seen, size_t at) {
    int before = 0;
    for (size_t k = 0; k < at; k++)
        before += seen->items[k].part >= 0 && strcmp(seen->items[k].provider, seen->items[at].provider) == 0;
    return before;
}

static void complete(struct tflite_profile *profile, const struct tflite_plan *plan, const char *const *silent,
                     size_t silent_count) {
    for (size_t k = 0; k < profile->seen.count; k++) {
        struct kernel *kernel = &profile->seen.items[k];
        const char *delegate = NULL;
        if (kernel->part >= 0)
            delegate = delegate_of(plan, silent, silent_count, kernel->part);
        else if (kernel->part == -1)
            delegate = tflite_plan_delegate(plan, kernel->node);
        else
            kernel->node = -1;
        if (delegate == NULL)
            continue;
        kernel->collapsed = kernel->part == -1;
        snprintf(kernel->provider, sizeof kernel->provider, "%s", delegate);
        if (kernel->part >= 0) {
            kernel->node = number_in_delegate(&profile->seen, k);
            profile->parts_timed = kernel->part + 1 > profile->parts_timed ? kernel->part + 1 : profile->parts_timed;
        }
    }
}

void tflite_profile_end(struct tflite_profile *profile, const struct tflite_plan *plan, struct kernels *kernels) {
    const char **silent = calloc(plan->part_count + 1, sizeof *silent);
    size_t silent_count = 0;
    for (size_t i = 0; silent != NULL && i < plan->part_count; i++) {
        if (!announced(&profile->seen, plan->part_nodes[i]))
            silent[silent_count++] = plan->shares[plan->part_shares[i]].name;
    }
    complete(profile, plan, silent, silent_count);
    profile->parts_untimed = (int)silent_count - profile->parts_timed;
    free((void *)silent);
    *kernels = profile->seen;
    profile->seen = (struct kernels){0};
}

void tflite_profile_free(struct tflite_profile *profile) {
    kernels_free(&profile->seen);
}
