/* The published input formula: every value follows from its index, so that all engines see the same numbers. */
#ifndef MOBILEBENCH_INPUTS_H
#define MOBILEBENCH_INPUTS_H

#include <stdint.h>

#include "tensor.h"

enum fill_kind { FILL_UNIFORM, FILL_INTEGERS };

/* `high` is exclusive; for integers both bounds are whole numbers. */
struct fill {
    enum fill_kind kind;
    double low;
    double high;
};

/* The 32-bit hash of element `index` of input number `position`. */
uint32_t input_hash(uint32_t index, uint32_t position);

/* Fills a tensor; integers take the whole part of a value. */
void input_fill(struct tensor *tensor, const struct fill *fill, uint32_t position);

#endif
