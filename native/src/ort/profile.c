#include "ort/profile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ort/providers.h"
#include "ort/trace.h"

#define PIECE ((size_t)1 << 20)
#define NODE_SUFFIX "_kernel_time"

bool ort_profile_begin(struct ort_profile *profile, const struct options *options, struct problem *problem) {
    if (options->scratch == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "a kernels pass of onnxruntime needs --scratch");
    int length = snprintf(profile->prefix, sizeof profile->prefix, "%s/mobilebench-profile-%ld", options->scratch,
                          (long)getpid());
    if (length > 0 && (size_t)length < sizeof profile->prefix)
        return true;
    profile->prefix[0] = '\0';
    return fail(problem, OUTCOME_BAD_ARGUMENT, "the path of --scratch is too long");
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* Operators that run other graphs. Their time is not counted, because the nodes of those graphs are in the trace as
 * well. */
static bool runs_graphs(const char *operation) {
    static const char *const names[] = {"If", "Loop", "Scan", "SequenceMap"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], operation) == 0)
            return true;
    }
    return false;
}

/* The events of a call's nodes come before the event of the call. */
static void take(struct ort_profile *profile, const struct ort_event *event, struct kernels *kernels) {
    if (strcmp(event->category, "Session") == 0 && strcmp(event->name, "model_run") == 0)
        profile->calls_found++;
    if (strcmp(event->category, "Node") != 0 || !ends_with(event->name, NODE_SUFFIX) || event->duration_us < 0 ||
        profile->calls_found >= profile->calls || runs_graphs(event->operation))
        return;
    struct kernel_key key = {
        .name = event->operation[0] != '\0' ? event->operation : event->name,
        .provider = event->provider,
        .node = (int)event->node,
        .part = -1,
    };
    kernels_add(kernels, &key, profile->calls_found, event->duration_us / 1e3);
}

/* Reads the complete events at the front of a piece. Returns how many bytes were used, or -1 where it is no trace. */
static long take_events(struct ort_profile *profile, const char *text, size_t length, struct kernels *kernels,
                        bool *ended) {
    struct ort_trace trace = {.text = text, .length = length};
    struct ort_event event;
    enum ort_trace_result result = ORT_TRACE_EVENT;
    while ((result = ort_trace_next(&trace, &event)) == ORT_TRACE_EVENT)
        take(profile, &event, kernels);
    *ended = result == ORT_TRACE_END;
    return result == ORT_TRACE_BROKEN ? -1 : (long)trace.at;
}

static bool read_events(struct ort_profile *profile, FILE *file, char *piece, struct kernels *kernels,
                        struct problem *problem) {
    size_t held = 0;
    bool ended = false;
    while (!ended) {
        size_t got = fread(piece + held, 1, PIECE - held, file);
        held += got;
        long used = take_events(profile, piece, held, kernels, &ended);
        if (used < 0)
            return fail(problem, OUTCOME_ERROR, "ONNX Runtime's profile is not a list of events");
        if (!ended && used == 0 && held == PIECE)
            return fail(problem, OUTCOME_ERROR, "ONNX Runtime's profile has an event of more than %zu bytes", PIECE);
        if (!ended && used == 0 && got == 0)
            return fail(problem, OUTCOME_ERROR, "ONNX Runtime's profile ends in the middle: is the storage full?");
        held -= (size_t)used;
        memmove(piece, piece + used, held);
    }
    return true;
}

static void leave_out_torn_call(const struct ort_profile *profile, struct kernels *kernels) {
    size_t whole = profile->calls_found > 0 ? (size_t)profile->calls_found - 1 : 0;
    for (size_t i = 0; i < kernels->count; i++) {
        if (kernels->items[i].count > whole)
            kernels->items[i].count = whole;
    }
}

bool ort_profile_read(struct ort_profile *profile, const char *path, struct kernels *kernels, struct problem *problem) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return fail(problem, OUTCOME_ERROR, "ONNX Runtime's profile cannot be read: %s", strerror(errno));
    char *piece = malloc(PIECE);
    bool done = piece != NULL ? read_events(profile, file, piece, kernels, problem)
                              : fail(problem, OUTCOME_ERROR, "no memory to read ONNX Runtime's profile");
    free(piece);
    fclose(file);
    if (!done)
        return false;
    leave_out_torn_call(profile, kernels);
    for (size_t i = 0; i < kernels->count; i++)
        kernels->items[i].collapsed = ort_provider_compiles(kernels->items[i].provider);
    return !kernels->failed || fail(problem, OUTCOME_ERROR, "the operators' times do not fit into memory");
}

void ort_profile_remove(const struct ort_profile *profile) {
    const char *slash = strrchr(profile->prefix, '/');
    if (slash == NULL)
        return;
    char path[2048];
    size_t folder = (size_t)(slash - profile->prefix) + 1;
    memcpy(path, profile->prefix, folder);
    path[folder] = '\0';
    DIR *listing = opendir(path);
    if (listing == NULL)
        return;
    for (const struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        if (strncmp(entry->d_name, slash + 1, strlen(slash + 1)) != 0)
            continue;
        snprintf(path + folder, sizeof path - folder, "%s", entry->d_name);
        unlink(path);
    }
    closedir(listing);
}
