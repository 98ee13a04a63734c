/* Files: a whole model into memory, and which file a loaded function came from. */
#ifndef MOBILEBENCH_FILE_H
#define MOBILEBENCH_FILE_H

#include <stddef.h>

#include "problem.h"

struct file {
    char path[1024];
    size_t bytes;
    void *data;
};

/* Reads all of `path` into aligned memory. */
bool file_read(const char *path, struct file *file, struct problem *problem);

/* The file on disk that holds `function`, and its size; `data` stays empty. */
bool file_of(const void *function, struct file *file);

void file_free(struct file *file);

#endif
