/* The small record of one output tensor that runner, page and reference share. */
#ifndef MOBILEBENCH_SUMMARY_H
#define MOBILEBENCH_SUMMARY_H

#include <stdint.h>

#include "tensor.h"

#define MAX_SAMPLES 64

struct summary {
    size_t non_finite;
    /* Over the float32 values, accumulated in float64; values that are not finite count as 0. */
    double l1;
    double l2;
    double max;
    /* FNV-1a (32 bit) of the float32 little-endian bytes. */
    uint32_t digest;
    size_t samples;
    size_t index[MAX_SAMPLES];
    double value[MAX_SAMPLES];
};

struct summary summarise(const struct tensor *tensor);

#endif
