/* An independent judge of JSON texts, written from RFC 8259 alone. */
#ifndef MOBILEBENCH_WELL_FORMED_H
#define MOBILEBENCH_WELL_FORMED_H

#include <stdbool.h>
#include <stdint.h>

/* Whether `text` is one JSON value of valid UTF-8 and nothing more. */
bool well_formed(const char *text);

#endif
