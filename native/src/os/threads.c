#include "os/threads.h"

#include <dirent.h>
#include <stdlib.h>
#include <time.h>

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

struct reading {
    struct thread_times *times;
    int besides;
    bool enough_memory;
};

static void read_one(void *context, int thread) {
    struct reading *reading = context;
    struct timespec used;
    if (thread != reading->besides && reading->enough_memory && clock_gettime(cpu_clock(thread), &used) == 0)
        reading->enough_memory = append(reading->times, thread, (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6);
}

bool threads_read(struct thread_times *times, int besides) {
    *times = (struct thread_times){0};
    struct reading reading = {.times = times, .besides = besides, .enough_memory = true};
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
