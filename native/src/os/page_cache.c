#include "os/page_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Pages that are examined at once, so that a large file needs little address space and a small table. */
#define WINDOW 4096

const char *const page_cache_names[CACHE_STATES] = {"as found", "cold", "warm"};

static bool read_through(int descriptor) {
    char bytes[16384];
    for (;;) {
        ssize_t got = read(descriptor, bytes, sizeof bytes);
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
    }
}

/* Pages that are not written to storage yet cannot be dropped, such as those of a file that was just pushed. */
static int drop(int descriptor) {
    fsync(descriptor);
    return posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
}

bool page_cache_bring(const char *path, enum page_cache state, struct problem *problem) {
    if (state == CACHE_AS_FOUND)
        return true;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return fail(problem, OUTCOME_ERROR, "`%s` cannot be opened: %s", path, strerror(errno));
    int code = 0;
    if (state == CACHE_COLD)
        code = drop(descriptor);
    else if (!read_through(descriptor))
        code = errno;
    close(descriptor);
    return code == 0 || fail(problem, OUTCOME_ERROR, "`%s` cannot be made %s in the page cache: %s", path,
                             page_cache_names[state], strerror(code));
}

static bool count_window(int descriptor, size_t start, size_t bytes, size_t page, struct residency *residency) {
    unsigned char present[WINDOW];
    void *view = mmap(NULL, bytes, PROT_READ, MAP_SHARED, descriptor, (off_t)start);
    if (view == MAP_FAILED)
        return false;
    size_t pages = (bytes + page - 1) / page;
    bool told = mincore(view, bytes, present) == 0;
    munmap(view, bytes);
    for (size_t i = 0; told && i < pages; i++)
        residency->resident += present[i] & 1U;
    residency->pages += pages;
    return told;
}

static bool count_open(int descriptor, struct residency *residency) {
    struct stat facts;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (fstat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size <= 0)
        return false;
    size_t bytes = (size_t)facts.st_size;
    for (size_t start = 0; start < bytes; start += WINDOW * page) {
        size_t left = bytes - start;
        if (!count_window(descriptor, start, left < WINDOW * page ? left : WINDOW * page, page, residency))
            return false;
    }
    return true;
}

bool page_cache_count(const char *path, struct residency *residency) {
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    bool told = count_open(descriptor, residency);
    close(descriptor);
    return told;
}
