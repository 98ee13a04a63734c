/* Files: a whole model into memory, and which file a loaded function came from. */
#ifndef MOBILEBENCH_FILE_H
#define MOBILEBENCH_FILE_H

#include <stddef.h>

#include "os/problem.h"

struct file {
    char path[1024];
    size_t bytes;
    void *data;
    /* `data` is the file's own pages, which may only be read. */
    bool mapped;
};

/* Reads all of `path` into aligned memory. */
bool file_read(const char *path, struct file *file, struct problem *problem);

/* Maps all of `path`; its pages come when they are used. */
bool file_map(const char *path, struct file *file, struct problem *problem);

/* Reads a file that has to hold just `bytes` bytes. */
bool file_read_exactly(const char *path, void *data, size_t bytes, struct problem *problem);

/* The file on disk that holds `function`, and its size; `data` stays empty. */
bool file_of(const void *function, struct file *file);

/* The library that was opened as `path`, and its size; false when it is not loaded. */
bool file_loaded(const char *path, struct file *file);

void file_free(struct file *file);

#endif
