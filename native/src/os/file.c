#include "os/file.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALIGNMENT 64

static bool read_all(int descriptor, char *data, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        ssize_t got = read(descriptor, data + done, bytes - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* Opens a regular file that is not empty. Returns its descriptor, or -1. */
static int open_file(const char *path, size_t *bytes, struct problem *problem) {
    struct stat facts;
    /* Opening a pipe without a writer must not block. */
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        fail(problem, OUTCOME_ERROR, "`%s` cannot be opened: %s", path, strerror(errno));
        return -1;
    }
    if (fstat(descriptor, &facts) != 0)
        fail(problem, OUTCOME_ERROR, "`%s` cannot be read: %s", path, strerror(errno));
    else if (!S_ISREG(facts.st_mode))
        fail(problem, OUTCOME_ERROR, "`%s` is not a file", path);
    else if (facts.st_size == 0)
        fail(problem, OUTCOME_ERROR, "`%s` is empty", path);
    else if ((uint64_t)facts.st_size > (uint64_t)PTRDIFF_MAX)
        fail(problem, OUTCOME_ERROR, "`%s` is too large for this process", path);
    else {
        *bytes = (size_t)facts.st_size;
        return descriptor;
    }
    close(descriptor);
    return -1;
}

static bool read_open(int descriptor, struct file *file, struct problem *problem) {
    if (posix_memalign(&file->data, ALIGNMENT, file->bytes) != 0) {
        file->data = NULL;
        return fail(problem, OUTCOME_ERROR, "no memory for the %zu bytes of `%s`", file->bytes, file->path);
    }
    if (!read_all(descriptor, file->data, file->bytes))
        return fail(problem, OUTCOME_ERROR, "`%s` could not be read to its end", file->path);
    return true;
}

bool file_read(const char *path, struct file *file, struct problem *problem) {
    snprintf(file->path, sizeof file->path, "%s", path);
    int descriptor = open_file(path, &file->bytes, problem);
    if (descriptor < 0)
        return false;
    bool done = read_open(descriptor, file, problem);
    close(descriptor);
    return done;
}

bool file_map(const char *path, struct file *file, struct problem *problem) {
    snprintf(file->path, sizeof file->path, "%s", path);
    int descriptor = open_file(path, &file->bytes, problem);
    if (descriptor < 0)
        return false;
    void *data = mmap(NULL, file->bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
    int code = errno;
    close(descriptor);
    if (data == MAP_FAILED)
        return fail(problem, OUTCOME_ERROR, "`%s` cannot be mapped: %s", path, strerror(code));
    file->data = data;
    file->mapped = true;
    return true;
}

bool file_read_exactly(const char *path, void *data, size_t bytes, struct problem *problem) {
    size_t found = 0;
    int descriptor = open_file(path, &found, problem);
    if (descriptor < 0)
        return false;
    bool done = found == bytes
                    ? read_all(descriptor, data, bytes) ||
                          fail(problem, OUTCOME_ERROR, "`%s` could not be read to its end", path)
                    : fail(problem, OUTCOME_ERROR, "`%s` holds %zu bytes, but its input has %zu", path, found, bytes);
    close(descriptor);
    return done;
}

bool write_all(int descriptor, const void *data, size_t bytes) {
    for (const char *at = data; bytes > 0;) {
        ssize_t written = write(descriptor, at, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        bytes -= (size_t)written;
    }
    return true;
}

bool file_replace(const char *path, const void *data, size_t bytes) {
    char part[1024];
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return false;
    int descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return false;
    bool written = write_all(descriptor, data, bytes);
    written = close(descriptor) == 0 && written;
    if (written && rename(part, path) == 0)
        return true;
    unlink(part);
    return false;
}

bool file_of(const void *function, struct file *file) {
    Dl_info found;
    struct stat facts;
    if (function == NULL || dladdr(function, &found) == 0 || found.dli_fname == NULL)
        return false;
    snprintf(file->path, sizeof file->path, "%s", found.dli_fname);
    if (stat(file->path, &facts) != 0)
        return false;
    file->bytes = (size_t)facts.st_size;
    return true;
}

bool file_loaded(const char *path, struct file *file) {
    struct stat facts;
    void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (library == NULL)
        return false;
    dlclose(library);
    if (stat(path, &facts) != 0)
        return false;
    snprintf(file->path, sizeof file->path, "%s", path);
    file->bytes = (size_t)facts.st_size;
    return true;
}

void file_free(struct file *file) {
    if (file->mapped)
        munmap(file->data, file->bytes);
    else
        free(file->data);
    file->data = NULL;
    file->mapped = false;
}
