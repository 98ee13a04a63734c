/* Reads lines and numbers out of text, without allocating memory. */
#ifndef MOBILEBENCH_TEXT_H
#define MOBILEBENCH_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Receives one line without its line feed. A line longer than 255 bytes is cut. */
typedef void (*line_taker)(void *context, const char *line);

/* Passes every line that can be read from `descriptor` to `take`, until `deadline_ms` on the clock of clock_ms()
 * (negative: no limit). Returns false when reading failed or the time was over. */
bool lines_from(int descriptor, double deadline_ms, line_taker take, void *context);

bool lines_of(const char *path, line_taker take, void *context);

/* Reads the first line of a file. */
bool first_line(const char *path, char *line, size_t size);

bool path_exists(const char *path);

/* Reads a whole decimal number from `low` to `high`, with nothing behind it. */
bool number_whole(const char *text, long low, long high, long *value);

/* Reads a finite number, with nothing behind it. */
bool number_real(const char *text, double *value);

#endif
