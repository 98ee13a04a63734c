#include "core/summary.h"

#include <math.h>
#include <string.h>

static float as_float(const struct tensor *tensor, size_t index) {
    return (float)tensor_value(tensor, index);
}

static double finite_or_zero(float value) {
    return isfinite(value) ? (double)value : 0.0;
}

static uint32_t digest_of(uint32_t digest, float value) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    for (int shift = 0; shift < 32; shift += 8)
        digest = (digest ^ (bits >> shift & 0xFFU)) * UINT32_C(0x01000193);
    return digest;
}

struct summary summarise(const struct tensor *tensor) {
    struct summary summary = {.digest = UINT32_C(0x811C9DC5)};
    double squares = 0;
    for (size_t i = 0; i < tensor->elements; i++) {
        float value = as_float(tensor, i);
        double magnitude = fabs(finite_or_zero(value));
        summary.non_finite += isfinite(value) ? 0 : 1;
        summary.l1 += magnitude;
        squares += magnitude * magnitude;
        summary.max = fmax(summary.max, magnitude);
        summary.digest = digest_of(summary.digest, value);
    }
    summary.l2 = sqrt(squares);
    return summary;
}

size_t sample_count(const struct tensor *tensor, size_t most) {
    return tensor->elements < most ? tensor->elements : most;
}

size_t sample_index(const struct tensor *tensor, size_t count, size_t k) {
    return (size_t)((uint64_t)k * tensor->elements / count);
}

double sample_value(const struct tensor *tensor, size_t index) {
    return finite_or_zero(as_float(tensor, index));
}
