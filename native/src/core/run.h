/* One command line from its arguments to its answer: what the program and the library for apps have in common. */
#ifndef MOBILEBENCH_RUN_H
#define MOBILEBENCH_RUN_H

#include "core/args.h"
#include "core/block.h"
#include "core/caller.h"
#include "core/json.h"

#define EXIT_NOT_WRITTEN 4

struct run {
    struct options options;
    struct block block;
    struct problem problem;
    /* The answer; `failed` when there was no memory for it. */
    struct json json;
};

/* Measures what the arguments ask for, and makes the answer with a line feed at its end. `run` has to be all zero, and
 * `argv`'s strings are split in place and must outlive it. Returns the exit code. */
int run_arguments(struct run *run, int argc, char **argv, const struct caller *caller);

void run_free(struct run *run);

#endif
