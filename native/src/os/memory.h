/* A memory pass: the memory of the process at the end of every stage and, sampled by a thread of the runner, in
 * between. */
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
    /* The stage that just ended; NULL for a sample in between. */
    const char *stage;
    struct memory_facts facts;
};

struct memory {
    /* False outside of a memory pass; nothing is read then. */
    bool on;
    /* The process is an app's, which held memory before and may start no process. */
    bool in_app;
    double began_ms;
    long period_ms;
    const char *source;
    struct memory_reading *readings;
    size_t count;
    size_t dropped;
    pthread_mutex_t lock;
    pthread_t sampler;
    bool sampling;
    /* The thread that takes samples; 0 when there is none. */
    int sampler_id;
    int stop[2];
    /* -1 when unknown. */
    long peak_rss_kb;
    long graphics_kb;
    char notes[MAX_MEMORY_NOTES][192];
    size_t note_count;
};

/* Begins a pass, and takes the first reading as stage `process_start`. */
bool memory_begin(struct memory *memory, bool in_app, struct problem *problem);

/* Starts the thread that takes a reading every `period_ms`; 0 starts none. */
bool memory_sample(struct memory *memory, long period_ms, struct problem *problem);

/* Takes a reading at the end of a part of a stage. */
void memory_mark(struct memory *memory, const char *stage);

/* Returns the thread that takes samples; 0 when there is none. */
int memory_sampler(struct memory *memory);

/* Ends the sampling, and reads the peak from the system. */
void memory_end(struct memory *memory);

void memory_free(struct memory *memory);

#endif
