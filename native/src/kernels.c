#include "kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kernel *find(struct kernels *kernels, const char *name, int node, const char *provider) {
    for (size_t i = 0; i < kernels->count; i++) {
        struct kernel *kernel = &kernels->items[i];
        if (kernel->node == node && strncmp(kernel->name, name, sizeof kernel->name - 1) == 0 &&
            strncmp(kernel->provider, provider, sizeof kernel->provider - 1) == 0)
            return kernel;
    }
    return NULL;
}

static struct kernel *append(struct kernels *kernels, const char *name, int node, const char *provider) {
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
    struct kernel *kernel = &kernels->items[kernels->count++];
    *kernel = (struct kernel){.node = node, .warmup_ms = -1};
    snprintf(kernel->name, sizeof kernel->name, "%s", name);
    snprintf(kernel->provider, sizeof kernel->provider, "%s", provider);
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

void kernels_add(struct kernels *kernels, const char *name, int node, const char *provider, long prediction,
                 double ms) {
    struct kernel *kernel = find(kernels, name, node, provider);
    if (kernel == NULL)
        kernel = append(kernels, name, node, provider);
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
