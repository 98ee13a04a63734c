/* Small texts that the system tells line by line, read without allocating anything. */
#ifndef MOBILEBENCH_LINES_H
#define MOBILEBENCH_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* Gets one line without its line feed; of a line of more than 255 bytes only its beginning. */
typedef void (*line_taker)(void *context, const char *line);

/* Hands over every line of what can be read from `descriptor` until `deadline_ms` (of clock_ms; negative: no end).
 * False when reading failed or time ran out. */
bool lines_from(int descriptor, double deadline_ms, line_taker take, void *context);

bool lines_of(const char *path, line_taker take, void *context);

/* The first line of a file. */
bool first_line(const char *path, char *line, size_t size);

bool path_exists(const char *path);

#endif
