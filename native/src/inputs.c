#include "inputs.h"

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

void input_fill(struct tensor *tensor, const struct fill *fill, uint32_t position) {
    for (size_t i = 0; i < tensor->elements; i++) {
        double value = value_of(fill, input_hash((uint32_t)i, position));
        if (tensor->dtype == DTYPE_FLOAT32)
            ((float *)tensor->data)[i] = (float)value;
        else if (tensor->dtype == DTYPE_INT32)
            ((int32_t *)tensor->data)[i] = (int32_t)value;
        else
            ((int64_t *)tensor->data)[i] = (int64_t)value;
    }
}
