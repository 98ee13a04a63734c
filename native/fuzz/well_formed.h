/* An independent JSON checker, written from RFC 8259. */
#ifndef MOBILEBENCH_WELL_FORMED_H
#define MOBILEBENCH_WELL_FORMED_H

#include <stdbool.h>
#include <stdint.h>

/* Returns whether `text` is exactly one JSON value in valid UTF-8. */
bool well_formed(const char *text);

#endif
