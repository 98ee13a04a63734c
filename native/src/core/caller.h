/* Who runs a block: the program, whose process is the block's own, or an app, in whose process other threads live. */
#ifndef MOBILEBENCH_CALLER_H
#define MOBILEBENCH_CALLER_H

#include <stdbool.h>

struct caller {
    /* The process exists for the block alone, so the block may handle SIGTERM and start processes. */
    bool own_process;
    /* Receives the name of each stage just before it begins, outside of what is timed. NULL: nobody is told. */
    void (*stage)(void *context, const char *name);
    void *context;
};

#endif
