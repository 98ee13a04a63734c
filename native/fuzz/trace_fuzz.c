/* Fuzzes the reader of ONNX Runtime traces, with all of the bytes and with the first half, each in memory of exactly
 * that size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ort/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const uint8_t *data, size_t size) {
    char *text = malloc(size == 0 ? 1 : size);
    if (text == NULL)
        return;
    memcpy(text, data, size);
    struct ort_trace trace = {.text = text, .length = size};
    struct ort_event event;
    size_t before = 0;
    while (ort_trace_next(&trace, &event) == ORT_TRACE_EVENT) {
        if (trace.at <= before || trace.at > size || strlen(event.name) >= sizeof event.name)
            abort();
        before = trace.at;
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_all(data, size);
    read_all(data, size / 2);
    return 0;
}
