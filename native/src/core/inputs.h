/* The published input formula: every value follows from its index, so all engines get the same numbers. */
#ifndef MOBILEBENCH_INPUTS_H
#define MOBILEBENCH_INPUTS_H

#include <stdint.h>

#include "core/tensor.h"

enum fill_kind { FILL_UNIFORM, FILL_INTEGERS, FILL_FILE };

/* `high` is exclusive. For integers both bounds are whole numbers. */
struct fill {
    enum fill_kind kind;
    double low;
    double high;
    /* Path of a file of raw little-endian elements, with exactly as many bytes as the tensor has. */
    const char *path;
};

/* Returns the 32-bit hash of element `index` of input number `position`. */
uint32_t input_hash(uint32_t index, uint32_t position);

/* Fills a tensor by the formula. Integers take the whole part of a value. */
void input_fill(struct tensor *tensor, const struct fill *fill, uint32_t position);

/* Allocates a described tensor, and fills it by the formula or from its file. */
bool input_make(struct tensor *tensor, const struct fill *fill, uint32_t position, struct problem *problem);

#endif
