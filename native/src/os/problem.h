/* The reason why a block failed, and the outcome that follows from it. */
#ifndef MOBILEBENCH_PROBLEM_H
#define MOBILEBENCH_PROBLEM_H

#include <stdbool.h>

/* The values are the runner's exit codes. */
enum outcome { OUTCOME_OK = 0, OUTCOME_ERROR = 1, OUTCOME_BAD_ARGUMENT = 2, OUTCOME_UNSUPPORTED = 3 };

struct problem {
    enum outcome outcome;
    char text[1024];
};

/* Records the problem; always returns false, so that callers can `return fail(...)`. */
bool fail(struct problem *problem, enum outcome outcome, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
