/* A test preloads this into a process. Opening a file for writing, or creating or renaming one, outside the folder in
 * TRAP_ALLOWED (if set) ends the process with a message. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRAPPED 98

static void check(const char *path) {
    const char *allowed = getenv("TRAP_ALLOWED");
    if (allowed != NULL && strncmp(path, allowed, strlen(allowed)) == 0)
        return;
    dprintf(STDERR_FILENO, "trap: `%s` was to be written\n", path);
    _exit(TRAPPED);
}

static int opened(int folder, const char *path, int flags, va_list rest) {
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    if ((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0)
        check(path);
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define OPENS(name, folder, parameters, last)                                                                          \
    int name parameters {                                                                                              \
        va_list rest;                                                                                                  \
        va_start(rest, last);                                                                                          \
        int descriptor = opened(folder, path, flags, rest);                                                            \
        va_end(rest);                                                                                                  \
        return descriptor;                                                                                             \
    }

OPENS(open, AT_FDCWD, (const char *path, int flags, ...), flags)
OPENS(open64, AT_FDCWD, (const char *path, int flags, ...), flags)
OPENS(openat, folder, (int folder, const char *path, int flags, ...), flags)
OPENS(openat64, folder, (int folder, const char *path, int flags, ...), flags)

static FILE *stream(const char *name, const char *path, const char *mode) {
    FILE *(*next)(const char *, const char *) = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, name);
    if (strpbrk(mode, "wa+") != NULL)
        check(path);
    return next(path, mode);
}

FILE *fopen(const char *path, const char *mode) {
    return stream("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    return stream("fopen64", path, mode);
}

int mkdir(const char *path, mode_t mode) {
    check(path);
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int rename(const char *from, const char *to) {
    check(to);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
