#include "core/inputs.h"

#include "os/file.h"

uint32_t input_hash(uint32_t index, uint32_t position) {
    uint32_t h = index + position * UINT32_C(0x9E3779B9);
    h = (h ^ (h >> 16)) * UINT32_C(0x7FEB352D);
    h = (h ^ (h >> 15)) * UINT32_C(0x846CA68B);
    return h ^ (h >> 16);
}

static double value_of(const struct fill *fill, uint32_t h) {
    if (fill->kind == FILL_UNIFORM)
        return fill->low + (fill->high - fill->low) * (double)(h >> 8) / 16777216.0;
    uint32_t range = (uint32_t)(fill->high - fill->low);
    return fill->low + (double)(h % range);
}

static void store(struct tensor *tensor, size_t index, double value) {
    switch (tensor->dtype) {
    case DTYPE_FLOAT32:
        ((float *)tensor->data)[index] = (float)value;
        break;
    case DTYPE_INT32:
        ((int32_t *)tensor->data)[index] = (int32_t)value;
        break;
    case DTYPE_INT64:
        ((int64_t *)tensor->data)[index] = (int64_t)value;
        break;
    case DTYPE_INT8:
        ((int8_t *)tensor->data)[index] = (int8_t)value;
        break;
    case DTYPE_UINT8:
    case DTYPE_BOOL:
        ((uint8_t *)tensor->data)[index] = (uint8_t)value;
        break;
    }
}

void input_fill(struct tensor *tensor, const struct fill *fill, uint32_t position) {
    for (size_t i = 0; i < tensor->elements; i++) {
        double value = value_of(fill, input_hash((uint32_t)i, position));
        store(tensor, i, value);
    }
}

bool input_make(struct tensor *tensor, const struct fill *fill, uint32_t position, struct problem *problem) {
    if (!tensor_shape(tensor, tensor->dtype, tensor->dims, tensor->rank, problem))
        return false;
    if (fill->kind == FILL_FILE)
        return file_read_exactly(fill->path, tensor->data, tensor->bytes, problem);
    input_fill(tensor, fill, position);
    return true;
}
