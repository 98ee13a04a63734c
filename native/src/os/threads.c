#include "os/threads.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "os/text.h"

#define SHARE_OF_BUSIEST 0.01

/* The kernel's clock id for the CPU time of one thread of this process (what pthread_getcpuclockid returns). */
static clockid_t cpu_clock(int thread) {
    return (clockid_t)((~(unsigned int)thread << 3) | 6U);
}

static bool append(struct thread_times *times, int id, double cpu_ms) {
    int *ids = realloc(times->ids, (times->count + 1) * sizeof *ids);
    if (ids == NULL)
        return false;
    times->ids = ids;
    double *all = realloc(times->cpu_ms, (times->count + 1) * sizeof *all);
    if (all == NULL)
        return false;
    times->cpu_ms = all;
    ids[times->count] = id;
    all[times->count] = cpu_ms;
    times->count++;
    return true;
}

bool threads_each(thread_taker take, void *context) {
    DIR *folder = opendir("/proc/self/task");
    if (folder == NULL)
        return false;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        int id = (int)strtol(entry->d_name, NULL, 10);
        if (id > 0)
            take(context, id);
    }
    closedir(folder);
    return true;
}

static void add_earlier(void *context, int thread) {
    struct strangers *strangers = context;
    int *larger = thread == gettid() ? NULL : realloc(strangers->earlier, (strangers->count + 1) * sizeof *larger);
    if (larger == NULL)
        return;
    strangers->earlier = larger;
    strangers->earlier[strangers->count++] = thread;
}

bool strangers_find(struct strangers *strangers) {
    strangers->in_app = true;
    return threads_each(add_earlier, strangers);
}

/* Whether a thread bears one of the names that the virtual machines of computers and of Android give to their own. */
static bool is_named_as_of_the_app(int thread) {
    static const char *const beginnings[] = {
        "C1 Compiler", "C2 Compiler", "GC Thread",  "G1 ",      "VM Thread",     "VM Periodic",
        "Binder:",     "HwBinder:",   "Jit thread", "HeapTask", "Profile Saver", "RenderThread"};
    char path[64];
    char name[32];
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", thread);
    if (!first_line(path, name, sizeof name))
        return false;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    }
    return false;
}

bool is_stranger(const struct strangers *strangers, int thread) {
    if (thread == strangers->sampler)
        return true;
    for (size_t i = 0; i < strangers->count; i++) {
        if (strangers->earlier[i] == thread)
            return true;
    }
    return strangers->in_app && is_named_as_of_the_app(thread);
}

void strangers_free(struct strangers *strangers) {
    free(strangers->earlier);
    *strangers = (struct strangers){0};
}

struct reading {
    struct thread_times *times;
    const struct strangers *strangers;
    bool enough_memory;
};

static void read_one(void *context, int thread) {
    struct reading *reading = context;
    struct timespec used;
    if (reading->enough_memory && !is_stranger(reading->strangers, thread) &&
        clock_gettime(cpu_clock(thread), &used) == 0)
        reading->enough_memory = append(reading->times, thread, (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6);
}

bool threads_read(struct thread_times *times, const struct strangers *strangers) {
    *times = (struct thread_times){0};
    struct reading reading = {.times = times, .strangers = strangers, .enough_memory = true};
    return threads_each(read_one, &reading) && reading.enough_memory && times->count > 0;
}

static double used_before(const struct thread_times *before, int id) {
    for (size_t i = 0; i < before->count; i++) {
        if (before->ids[i] == id)
            return before->cpu_ms[i];
    }
    return 0;
}

static int most_first(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a < b) - (a > b);
}

void threads_since(const struct thread_times *before, struct thread_times *after) {
    for (size_t i = 0; i < after->count; i++) {
        double used = after->cpu_ms[i] - used_before(before, after->ids[i]);
        after->cpu_ms[i] = used > 0 ? used : 0;
    }
    if (after->count > 0)
        qsort(after->cpu_ms, after->count, sizeof *after->cpu_ms, most_first);
}

size_t threads_at_work(const struct thread_times *used) {
    size_t working = 0;
    while (working < used->count && used->cpu_ms[working] > 0 &&
           used->cpu_ms[working] >= used->cpu_ms[0] * SHARE_OF_BUSIEST)
        working++;
    return working;
}

void threads_free(struct thread_times *times) {
    free(times->ids);
    free(times->cpu_ms);
    *times = (struct thread_times){0};
}
