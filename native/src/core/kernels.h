/* The result of a kernels pass: the time of every operator or fused kernel in every prediction. */
#ifndef MOBILEBENCH_KERNELS_H
#define MOBILEBENCH_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#define MAX_KERNELS 65536

struct kernel {
    char name[96];
    /* -1 where the profiler does not report it. */
    int node;
    /* The number of the delegated part that it belongs to, where each part counts its nodes from 0; else -1. */
    int part;
    /* The delegate or execution provider that ran it; empty when unknown. */
    char provider[64];
    /* It is a whole delegated part, whose inside the profiler does not show. */
    bool collapsed;
    /* Negative when it did not run in warmup. */
    double warmup_ms;
    double *times_ms;
    size_t count;
    size_t capacity;
};

struct kernels {
    struct kernel *items;
    size_t count;
    size_t capacity;
    /* Position of the kernel that was found last. Predictions repeat the same order, so the next one is close behind.
     */
    size_t last;
    /* Memory ran out, or there are more kernels than MAX_KERNELS. */
    bool failed;
};

/* Identifies the kernel that a time belongs to. */
struct kernel_key {
    const char *name;
    const char *provider;
    int node;
    int part;
};

/* Adds the time of a kernel in prediction number `prediction`, where 0 is warmup. Several times of one prediction are
 * summed. Takes constant time when predictions repeat the same order. */
void kernels_add(struct kernels *kernels, const struct kernel_key *key, long prediction, double ms);

void kernels_free(struct kernels *kernels);

#endif
