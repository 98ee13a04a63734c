/* What a kernels pass saw: time by operator or fused kernel, one value a prediction. */
#ifndef MOBILEBENCH_KERNELS_H
#define MOBILEBENCH_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#define MAX_KERNELS 65536

struct kernel {
    char name[96];
    /* -1: the profiler does not tell. */
    int node;
    /* Which of several delegated parts it belongs to, where each part counts its nodes from 0; else -1. */
    int part;
    /* Delegate or execution provider that ran it; empty when not told. */
    char provider[64];
    /* It stands for a whole delegated part. */
    bool collapsed;
    /* Negative: it did not run in warmup. */
    double warmup_ms;
    double *times_ms;
    size_t count;
    size_t capacity;
};

struct kernels {
    struct kernel *items;
    size_t count;
    size_t capacity;
    /* Where the last one was found: predictions repeat the same order. */
    size_t last;
    /* Memory ran out, or there are more than MAX_KERNELS. */
    bool failed;
};

/* Which kernel a time belongs to. */
struct kernel_key {
    const char *name;
    const char *provider;
    int node;
    int part;
};

/* Adds time of a kernel in prediction number `prediction` (0 is warmup); several in one prediction are summed. Takes
 * constant time where predictions repeat the same order. */
void kernels_add(struct kernels *kernels, const struct kernel_key *key, long prediction, double ms);

void kernels_free(struct kernels *kernels);

#endif
