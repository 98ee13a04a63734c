/* Reads and maps files, and finds the file that a loaded function came from. */
#ifndef MOBILEBENCH_FILE_H
#define MOBILEBENCH_FILE_H

#include <stddef.h>

#include "os/problem.h"

struct file {
    char path[1024];
    size_t bytes;
    void *data;
    /* `data` is a read-only mapping of the file's pages. */
    bool mapped;
};

/* Reads the whole file into aligned memory. */
bool file_read(const char *path, struct file *file, struct problem *problem);

/* Maps the whole file. Its pages are read when they are used. */
bool file_map(const char *path, struct file *file, struct problem *problem);

/* Reads a file that has to hold exactly `bytes` bytes. */
bool file_read_exactly(const char *path, void *data, size_t bytes, struct problem *problem);

/* Writes all bytes to a descriptor. */
bool write_all(int descriptor, const void *data, size_t bytes);

/* Writes a file at once: another process sees the old one or all of the new one. Returns false, with nothing left
 * behind, when it cannot be written. */
bool file_replace(const char *path, const void *data, size_t bytes);

/* Finds the file on disk that holds `function`, and its size. `data` stays empty. */
bool file_of(const void *function, struct file *file);

/* Finds the library that was opened as `path`, and its size. Returns false when it is not loaded. */
bool file_loaded(const char *path, struct file *file);

void file_free(struct file *file);

#endif
