/* The proof that a block ran as asked: facts that are read back from the process and the engine. */
#ifndef MOBILEBENCH_PROOF_H
#define MOBILEBENCH_PROOF_H

#include "os/clock.h"
#include "os/conditions.h"
#include "os/cpu.h"
#include "os/file.h"
#include "os/page_cache.h"
#include "os/threads.h"

#define MAX_SHARES 8
#define MAX_NOTES 8

/* The part of the graph that one delegate or execution provider took. */
struct share {
    char name[64];
    long nodes;
    /* -1 when unknown. */
    long partitions;
};

struct proof {
    struct file library;
    struct file delegate_library;
    size_t model_bytes;
    bool model_mapped;
    /* State before setup. Zero pages mean that it is unknown. */
    struct residency model_residency;
    struct residency library_residency;
    /* Read back after the predictions. */
    struct conditions conditions;
    /* NULL until something was read back from the engine. */
    const char *backend;
    struct thread_times threads;
    bool threads_known;
    /* -1 when unknown. */
    long graph_nodes;
    struct share shares[MAX_SHARES];
    size_t share_count;
    struct clock_facts clock;
    const char *features[MAX_CPU_FEATURES];
    size_t feature_count;
    char notes[MAX_NOTES][256];
    size_t note_count;
};

#endif
