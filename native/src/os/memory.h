/* A memory pass: what the process holds at the end of every stage and, by a thread of the runner's own, in between. */
#ifndef MOBILEBENCH_MEMORY_H
#define MOBILEBENCH_MEMORY_H

#include <pthread.h>
#include <stddef.h>

#include "os/memory_text.h"
#include "os/problem.h"

#define MAX_READINGS 16384
#define MAX_MEMORY_NOTES 6

struct memory_reading {
    double at_ms;
    /* NULL: taken by the clock. */
    const char *stage;
    struct memory_facts facts;
};

struct memory {
    /* False but in a memory pass: then nothing is read. */
    bool on;
    double began_ms;
    long period_ms;
    const char *source;
    struct memory_reading *readings;
    size_t count;
    size_t dropped;
    pthread_mutex_t lock;
    pthread_t sampler;
    bool sampling;
    /* The thread that takes samples; 0: none. */
    int sampler_id;
    int stop[2];
    /* -1: not told. */
    long peak_rss_kb;
    long graphics_kb;
    char notes[MAX_MEMORY_NOTES][192];
    size_t note_count;
};

/* Begins a pass and reads for the first time, as stage `process_start`. */
bool memory_begin(struct memory *memory, struct problem *problem);

/* Starts the thread that reads every `period_ms`; 0: none. */
bool memory_sample(struct memory *memory, long period_ms, struct problem *problem);

/* A reading at the end of a part of a stage. */
void memory_mark(struct memory *memory, const char *stage);

/* The thread that takes samples; 0 when there is none. */
int memory_sampler(struct memory *memory);

/* Ends the sampling, and reads the peak that the system itself kept. */
void memory_end(struct memory *memory);

void memory_free(struct memory *memory);

#endif
