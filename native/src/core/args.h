/* The command line: what to measure, with which library, and how often. */
#ifndef MOBILEBENCH_ARGS_H
#define MOBILEBENCH_ARGS_H

#include <stdio.h>

#include "core/inputs.h"
#include "core/tensor.h"
#include "os/page_cache.h"
#include "os/problem.h"

#define MAX_INPUTS 128
#define MAX_OUTPUTS 128
#define MAX_THREADS 256
#define MAX_PREDICTIONS 1000000
#define MAX_SECONDS 86400.0
#define MAX_SAMPLES 65536
#define MAX_BATCH 65536
#define MAX_MEMORY_PERIOD_MS 60000
/* Outside of the nice values, which are -20 to 19. */
#define PRIORITY_NOT_ASKED 100

struct input {
    struct tensor tensor;
    struct fill fill;
    /* The model's file leaves a size open, so the engine has to be given this shape. */
    bool open;
};

struct output {
    const char *canonical;
    /* Its name is the one in the model's file. */
    struct tensor tensor;
    /* A copy from the first inference, with ANSWER_FIRST. */
    struct tensor first;
};

/* The inference whose outputs are printed: for a model that carries state only the first one can be compared. */
enum answer { ANSWER_LAST, ANSWER_FIRST };

enum pass { PASS_TIMING, PASS_KERNELS, PASS_MEMORY };

enum model_access { ACCESS_READ, ACCESS_MAPPED };

/* With --check nothing is measured: the runner only loads the library, or also creates the backend's delegate. */
enum check { CHECK_NOTHING, CHECK_LIBRARY, CHECK_DELEGATE };

struct options {
    const char *engine;
    /* NULL: the engine's first backend. */
    const char *backend;
    /* NULL: the backend's first delegate, or a backend that leaves no choice of it. */
    const char *delegate;
    /* NULL: the backend's first arithmetic, or a backend that leaves no choice of it. */
    const char *arithmetic;
    enum pass pass;
    enum check check;
    /* 0 or 1. */
    int allow_fp16;
    const char *library;
    /* The library of a delegate or execution provider; NULL where it is part of the engine's library. */
    const char *delegate_library;
    /* Folder that keeps compiled programs between processes; NULL: none are kept. */
    const char *cache;
    /* Folder for temporary files, which this process removes at its end. */
    const char *scratch;
    const char *model;
    enum model_access model_access;
    enum page_cache page_cache;
    int threads;
    /* `big`, `little`, `prime` or a mask; NULL: all cores on which this process may run. */
    const char *affinity;
    /* A nice value, or PRIORITY_NOT_ASKED. */
    int priority;
    /* Milliseconds between two readings of a memory pass; 0: readings only at the ends of stages. */
    int memory_period_ms;
    int min_predictions;
    int max_predictions;
    double max_seconds;
    /* Most elements of each output that are printed. */
    int samples;
    enum answer answer;
    /* First size of every input; 0: as --input says. */
    int batch;
    struct input inputs[MAX_INPUTS];
    size_t input_count;
    struct output outputs[MAX_OUTPUTS];
    size_t output_count;
};

const char *pass_name(enum pass pass);
const char *model_access_name(enum model_access access);

/* Prints every option with its values, its meaning and its default. */
void args_help(FILE *stream);

/* Reads and checks the arguments; `argv`'s strings are split in place and must outlive `options`. */
bool args_parse(int argc, char **argv, struct options *options, struct problem *problem);

void args_free(struct options *options);

#endif
