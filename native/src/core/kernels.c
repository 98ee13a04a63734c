#include "core/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is(const struct kernel *kernel, const struct kernel_key *key) {
    return kernel->node == key->node && kernel->part == key->part &&
           strncmp(kernel->name, key->name, sizeof kernel->name - 1) == 0 &&
           strncmp(kernel->provider, key->provider, sizeof kernel->provider - 1) == 0;
}

/* Finds a kernel. The search begins behind the kernel that was found last, and wraps around. */
static struct kernel *find(struct kernels *kernels, const struct kernel_key *key) {
    size_t at = kernels->last;
    for (size_t tried = 0; tried < kernels->count; tried++) {
        at = at + 1 < kernels->count ? at + 1 : 0;
        if (is(&kernels->items[at], key)) {
            kernels->last = at;
            return &kernels->items[at];
        }
    }
    return NULL;
}

static struct kernel *append(struct kernels *kernels, const struct kernel_key *key) {
    if (kernels->count == MAX_KERNELS)
        return NULL;
    if (kernels->count == kernels->capacity) {
        size_t capacity = kernels->capacity == 0 ? 64 : 2 * kernels->capacity;
        struct kernel *items = realloc(kernels->items, capacity * sizeof *items);
        if (items == NULL)
            return NULL;
        kernels->items = items;
        kernels->capacity = capacity;
    }
    kernels->last = kernels->count++;
    struct kernel *kernel = &kernels->items[kernels->last];
    *kernel = (struct kernel){.node = key->node, .part = key->part, .warmup_ms = -1};
    snprintf(kernel->name, sizeof kernel->name, "%s", key->name);
    snprintf(kernel->provider, sizeof kernel->provider, "%s", key->provider);
    return kernel;
}

static bool reserve(struct kernel *kernel, size_t count) {
    if (count <= kernel->capacity)
        return true;
    size_t capacity = count < 32 ? 32 : 2 * count;
    double *times = realloc(kernel->times_ms, capacity * sizeof *times);
    if (times == NULL)
        return false;
    kernel->times_ms = times;
    kernel->capacity = capacity;
    return true;
}

void kernels_add(struct kernels *kernels, const struct kernel_key *key, long prediction, double ms) {
    struct kernel *kernel = find(kernels, key);
    if (kernel == NULL)
        kernel = append(kernels, key);
    if (kernel == NULL) {
        kernels->failed = true;
        return;
    }
    if (prediction == 0) {
        kernel->warmup_ms = kernel->warmup_ms < 0 ? ms : kernel->warmup_ms + ms;
        return;
    }
    if (!reserve(kernel, (size_t)prediction)) {
        kernels->failed = true;
        return;
    }
    while (kernel->count < (size_t)prediction)
        kernel->times_ms[kernel->count++] = 0;
    kernel->times_ms[prediction - 1] += ms;
}

void kernels_free(struct kernels *kernels) {
    for (size_t i = 0; i < kernels->count; i++)
        free(kernels->items[i].times_ms);
    free(kernels->items);
    *kernels = (struct kernels){0};
}
