/* The command line: what to measure, with which library, how often. */
#ifndef MOBILEBENCH_ARGS_H
#define MOBILEBENCH_ARGS_H

#include "inputs.h"
#include "page_cache.h"
#include "problem.h"
#include "tensor.h"

#define MAX_INPUTS 128
#define MAX_OUTPUTS 128
#define MAX_THREADS 256
#define MAX_PREDICTIONS 1000000
#define MAX_SECONDS 86400.0
#define MAX_SAMPLES 65536
#define MAX_BATCH 65536
#define MAX_MEMORY_PERIOD_MS 60000

struct input {
    struct tensor tensor;
    struct fill fill;
    /* The file leaves sizes open: its input has to be given this shape. */
    bool open;
};

struct output {
    const char *canonical;
    /* Its name is the format's own. */
    struct tensor tensor;
    /* What the first inference gave, where that is the answer. */
    struct tensor first;
};

/* Which inference's outputs are the answer: models that carry state can only be compared by the first. */
enum answer { ANSWER_LAST, ANSWER_FIRST };

enum pass { PASS_TIMING, PASS_KERNELS, PASS_MEMORY };

enum model_access { ACCESS_READ, ACCESS_MAPPED };

/* What is only tried instead of a measurement: to load the library, or to make the backend's delegate, too. */
enum check { CHECK_NOTHING, CHECK_LIBRARY, CHECK_DELEGATE };

struct options {
    const char *engine;
    /* NULL: the engine's first one, and its first setting. */
    const char *backend;
    const char *setting;
    enum pass pass;
    enum check check;
    bool allow_fp16;
    const char *library;
    /* Of a delegate or execution provider that has one of its own; may be NULL. */
    const char *delegate_library;
    /* Where compiled programs are kept between processes; NULL: nowhere. */
    const char *cache;
    /* Where this process may write; what it writes there it removes. */
    const char *scratch;
    const char *model;
    enum model_access model_access;
    enum page_cache page_cache;
    int threads;
    /* `big`, `little`, `prime` or a mask; NULL: wherever this process may run. */
    const char *affinity;
    bool priority_asked;
    long priority;
    /* Between two readings of a memory pass; 0: only at the ends of stages. */
    long memory_period_ms;
    long min_predictions;
    long max_predictions;
    double max_seconds;
    /* How many elements of each output the answer shows at most. */
    long samples;
    enum answer answer;
    struct input inputs[MAX_INPUTS];
    size_t input_count;
    struct output outputs[MAX_OUTPUTS];
    size_t output_count;
};

const char *pass_name(enum pass pass);
const char *model_access_name(enum model_access access);

/* Reads and checks the arguments; `argv`'s strings are split in place and must outlive `options`. */
bool args_parse(int argc, char **argv, struct options *options, struct problem *problem);

void args_free(struct options *options);

#endif
