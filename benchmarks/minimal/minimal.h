/* What both minimal programs share: a clock, a file in memory, and an end with words. */
#ifndef MINIMAL_H
#define MINIMAL_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define NEEDED(function, library) (*(void **)&function = dlsym(library, #function), need(function != NULL, #function))

static inline void need(int condition, const char *what) {
    if (condition)
        return;
    fprintf(stderr, "minimal: %s\n", what);
    exit(1);
}

static inline double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline void *read_file(const char *path, size_t *bytes) {
    struct stat facts;
    void *data = NULL;
    FILE *stream = fopen(path, "rb");
    need(stream != NULL && fstat(fileno(stream), &facts) == 0, path);
    *bytes = (size_t)facts.st_size;
    setvbuf(stream, NULL, _IONBF, 0);
    need(posix_memalign(&data, 64, *bytes) == 0 && fread(data, 1, *bytes, stream) == *bytes, path);
    fclose(stream);
    return data;
}

#endif
