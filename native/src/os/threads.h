/* CPU time of every thread of this process: the proof of how many threads really worked. */
#ifndef MOBILEBENCH_THREADS_H
#define MOBILEBENCH_THREADS_H

#include <stdbool.h>
#include <stddef.h>

struct thread_times {
    size_t count;
    int *ids;
    double *cpu_ms;
};

/* Threads of this process that are not the block's, and are left out of what is read. All zero: there are none. */
struct strangers {
    /* Those from before the block, in the process of an app. */
    int *earlier;
    size_t count;
    /* The process is an app's, whose virtual machine and user interface may start threads at any time. */
    bool in_app;
    /* The runner's own sampler of memory; 0: there is none. */
    int sampler;
};

/* Lists the threads of an app's process, except the calling one, as strangers. */
bool strangers_find(struct strangers *strangers);

bool is_stranger(const struct strangers *strangers, int thread);

void strangers_free(struct strangers *strangers);

/* Receives the id of one thread of this process. */
typedef void (*thread_taker)(void *context, int thread);

/* Passes the id of every thread of this process to `take`. Returns false when the threads cannot be listed. */
bool threads_each(thread_taker take, void *context);

/* Reads the CPU times of all threads except the strangers. Returns false when they cannot be read. */
bool threads_read(struct thread_times *times, const struct strangers *strangers);

/* Turns `after` into the time used since `before`, sorted from most to least. */
void threads_since(const struct thread_times *before, struct thread_times *after);

/* Returns how many threads used at least a hundredth of the busiest thread's time. */
size_t threads_at_work(const struct thread_times *used);

void threads_free(struct thread_times *times);

#endif
