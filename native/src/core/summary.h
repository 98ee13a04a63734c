/* The summary of one output tensor, as the runner, the pages and the reference answer define it. */
#ifndef MOBILEBENCH_SUMMARY_H
#define MOBILEBENCH_SUMMARY_H

#include <stdint.h>

#include "core/tensor.h"

struct summary {
    size_t non_finite;
    /* Norms of the float32 values, accumulated in float64. Values that are not finite count as 0. */
    double l1;
    double l2;
    double max;
    /* FNV-1a hash (32 bits) of the values as little-endian float32. */
    uint32_t digest;
};

struct summary summarise(const struct tensor *tensor);

/* Returns the number of elements that are printed: all of them, but at most `most`. */
size_t sample_count(const struct tensor *tensor, size_t most);

/* Returns the index of sample number `k` of `count` evenly spread samples. */
size_t sample_index(const struct tensor *tensor, size_t count, size_t k);

/* Returns one element as float32, or 0 when it is not finite. */
double sample_value(const struct tensor *tensor, size_t index);

#endif
