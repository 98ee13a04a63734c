#include "file.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static bool read_open(int descriptor, struct file *file, struct problem *problem) {
    struct stat facts;
    if (fstat(descriptor, &facts) != 0)
        return fail(problem, OUTCOME_ERROR, "`%s` cannot be read: %s", file->path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return fail(problem, OUTCOME_ERROR, "`%s` is not a file", file->path);
    if (facts.st_size == 0)
        return fail(problem, OUTCOME_ERROR, "`%s` is empty", file->path);
    file->bytes = (size_t)facts.st_size;
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
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return fail(problem, OUTCOME_ERROR, "`%s` cannot be opened: %s", path, strerror(errno));
    bool done = read_open(descriptor, file, problem);
    close(descriptor);
    return done;
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

void file_free(struct file *file) {
    free(file->data);
    file->data = NULL;
}
