/* The small record of one output tensor that runner, page and reference share. */
#ifndef MOBILEBENCH_SUMMARY_H
#define MOBILEBENCH_SUMMARY_H

#include <stdint.h>

#include "core/tensor.h"

struct summary {
    size_t non_finite;
    /* Over the float32 values, accumulated in float64; values that are not finite count as 0. */
    double l1;
    double l2;
    double max;
    /* FNV-1a (32 bit) of the float32 little-endian bytes. */
    uint32_t digest;
};

struct summary summarise(const struct tensor *tensor);

/* How many elements are shown: all of them, but at most `most`. */
size_t sample_count(const struct tensor *tensor, size_t most);

/* Which element is sample number `k` of `count`: they are evenly spread. */
size_t sample_index(const struct tensor *tensor, size_t count, size_t k);

/* One element as float32; 0 when it is not finite. */
double sample_value(const struct tensor *tensor, size_t index);

#endif
