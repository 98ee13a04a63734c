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

/* Gets the number of one thread of this process. */
typedef void (*thread_taker)(void *context, int thread);

/* Hands over every thread of this process; false when the system does not tell them. */
bool threads_each(thread_taker take, void *context);

/* The times of all threads but `besides`, which is the runner's own (0: there is none). False when the system does not
 * tell. */
bool threads_read(struct thread_times *times, int besides);

/* Turns `after` into the time used since `before`, most first. */
void threads_since(const struct thread_times *before, struct thread_times *after);

/* How many threads used at least a hundredth of what the busiest one used. */
size_t threads_at_work(const struct thread_times *used);

void threads_free(struct thread_times *times);

#endif
