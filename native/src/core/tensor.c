#include "core/tensor.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64

static const struct {
    const char *name;
    size_t size;
} formats[] = {
    [DTYPE_FLOAT32] = {"float32", 4}, [DTYPE_INT32] = {"int32", 4}, [DTYPE_INT64] = {"int64", 8},
    [DTYPE_UINT8] = {"uint8", 1},     [DTYPE_INT8] = {"int8", 1},   [DTYPE_BOOL] = {"bool", 1},
};

const char *dtype_name(enum dtype dtype) {
    return formats[dtype].name;
}

size_t dtype_size(enum dtype dtype) {
    return formats[dtype].size;
}

static bool reserve(struct tensor *tensor, struct problem *problem) {
    if (tensor->data != NULL && tensor->capacity >= tensor->bytes)
        return true;
    void *data = NULL;
    size_t capacity = tensor->bytes > 0 ? tensor->bytes : 1;
    if (posix_memalign(&data, ALIGNMENT, capacity) != 0)
        return fail(problem, OUTCOME_ERROR, "no memory for the %zu bytes of tensor `%s`", capacity, tensor->name);
    free(tensor->data);
    tensor->data = data;
    tensor->capacity = capacity;
    return true;
}

bool tensor_describe(struct tensor *tensor, enum dtype dtype, const int64_t *dims, size_t rank,
                     struct problem *problem) {
    if (rank > MAX_RANK)
        return fail(problem, OUTCOME_ERROR, "tensor `%s` has %zu dimensions; at most %d are handled", tensor->name,
                    rank, MAX_RANK);
    size_t elements = 1;
    size_t limit = MAX_TENSOR_BYTES / dtype_size(dtype);
    for (size_t axis = 0; axis < rank; axis++) {
        if (dims[axis] < 0 || (uint64_t)dims[axis] > limit || (dims[axis] > 0 && elements > limit / (size_t)dims[axis]))
            return fail(problem, OUTCOME_ERROR, "tensor `%s` is larger than 2 GiB or has a negative dimension",
                        tensor->name);
        elements *= (size_t)dims[axis];
        tensor->dims[axis] = dims[axis];
    }
    tensor->dtype = dtype;
    tensor->rank = rank;
    tensor->elements = elements;
    tensor->bytes = elements * dtype_size(dtype);
    return true;
}

bool tensor_shape(struct tensor *tensor, enum dtype dtype, const int64_t *dims, size_t rank, struct problem *problem) {
    return tensor_describe(tensor, dtype, dims, rank, problem) && reserve(tensor, problem);
}

bool tensor_copy(struct tensor *copy, const struct tensor *tensor, struct problem *problem) {
    copy->name = tensor->name;
    if (!tensor_shape(copy, tensor->dtype, tensor->dims, tensor->rank, problem))
        return false;
    if (tensor->bytes > 0)
        memcpy(copy->data, tensor->data, tensor->bytes);
    return true;
}

double tensor_value(const struct tensor *tensor, size_t index) {
    switch (tensor->dtype) {
    case DTYPE_FLOAT32:
        return ((const float *)tensor->data)[index];
    case DTYPE_INT32:
        return ((const int32_t *)tensor->data)[index];
    case DTYPE_INT64:
        return (double)((const int64_t *)tensor->data)[index];
    case DTYPE_INT8:
        return ((const int8_t *)tensor->data)[index];
    case DTYPE_UINT8:
    case DTYPE_BOOL:
        break;
    }
    return ((const uint8_t *)tensor->data)[index];
}

void tensor_free(struct tensor *tensor) {
    free(tensor->data);
    tensor->data = NULL;
    tensor->capacity = 0;
}
