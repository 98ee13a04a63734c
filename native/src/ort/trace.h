/* Reads the trace that ONNX Runtime's profiling writes, a JSON array of objects, event by event and in pieces.
 *
 * The text is not trusted: no content makes the reader read outside of it or run forever.
 */
#ifndef MOBILEBENCH_ORT_TRACE_H
#define MOBILEBENCH_ORT_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/* Longer names are cut. An absent text is empty, an absent number is -1. */
struct ort_event {
    char category[16];
    char name[128];
    char operation[96];
    char provider[64];
    long node;
    double duration_us;
};

enum ort_trace_result {
    ORT_TRACE_EVENT,
    /* The text ends before the event does. */
    ORT_TRACE_MORE,
    ORT_TRACE_END,
    /* The text is not such a trace. */
    ORT_TRACE_BROKEN
};

struct ort_trace {
    const char *text;
    size_t length;
    /* Where the next event begins. It moves only over complete events. */
    size_t at;
};

enum ort_trace_result ort_trace_next(struct ort_trace *trace, struct ort_event *event);

#endif
