/* Reads lines and numbers out of text, without allocating memory. */
#ifndef MOBILEBENCH_TEXT_H
#define MOBILEBENCH_TEXT_H

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

/* A whole decimal number from `low` to `high`; nothing may follow it. */
bool number_whole(const char *text, long low, long high, long *value);

/* A finite number; nothing may follow it. */
bool number_real(const char *text, double *value);

#endif
