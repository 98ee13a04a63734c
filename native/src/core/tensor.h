/* A named block of host memory with a shape and a number format. */
#ifndef MOBILEBENCH_TENSOR_H
#define MOBILEBENCH_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/problem.h"

#define MAX_RANK 8
#define MAX_TENSOR_BYTES ((size_t)1 << 31)

enum dtype { DTYPE_FLOAT32, DTYPE_INT32, DTYPE_INT64, DTYPE_UINT8, DTYPE_INT8, DTYPE_BOOL };

struct tensor {
    const char *name;
    enum dtype dtype;
    size_t rank;
    int64_t dims[MAX_RANK];
    size_t elements;
    size_t bytes;
    void *data;
    size_t capacity;
};

const char *dtype_name(enum dtype dtype);
size_t dtype_size(enum dtype dtype);

/* Sets the number format and the shape. `data` is not touched, and may be too small for them. */
bool tensor_describe(struct tensor *tensor, enum dtype dtype, const int64_t *dims, size_t rank,
                     struct problem *problem);

/* Sets the number format and the shape, and allocates `data` when it is too small. */
bool tensor_shape(struct tensor *tensor, enum dtype dtype, const int64_t *dims, size_t rank, struct problem *problem);

/* Copies a tensor into memory of its own. */
bool tensor_copy(struct tensor *copy, const struct tensor *tensor, struct problem *problem);

/* Returns one element as float64. */
double tensor_value(const struct tensor *tensor, size_t index);

void tensor_free(struct tensor *tensor);

#endif
