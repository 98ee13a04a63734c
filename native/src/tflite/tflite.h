/* The state of a TensorFlow Lite session, which the files of this folder share. */
#ifndef MOBILEBENCH_TFLITE_H
#define MOBILEBENCH_TFLITE_H

#include "core/args.h"
#include "os/problem.h"
#include "tflite/api.h"
#include "tflite/plan.h"
#include "tflite/profile.h"

struct tflite {
    struct tflite_api api;
    void *library;
    const struct options *asked;
    void *model;
    void *options;
    void *interpreter;
    /* NULL where TensorFlow Lite's own kernels compute everything. */
    void *delegate;
    void (*delete_delegate)(void *delegate);
    struct tflite_plan plan;
    struct tflite_profile profile;
    /* Positions instead of pointers, because kernels with several threads add tensors while they run, which moves all
     * of them. */
    int32_t inputs[MAX_INPUTS];
    int32_t outputs[MAX_OUTPUTS];
    /* The model's name for what delegates keep between processes. */
    char token[32];
    char cache_file[1024];
    bool cache_found;
    /* Why no cache is used. */
    const char *cache_refused;
    void *type_observer;
    /* The engine's first error message. Later ones are consequences of it. */
    char complaint[768];
};

/* Returns TensorFlow Lite's version, such as `2.20.0`. */
bool tflite_is(const struct tflite *tflite, const char *release);

/* Fails with the engine's error message: as `unsupported` where it lacks an operator, else as `otherwise`. */
bool tflite_refuse(const struct tflite *tflite, enum outcome otherwise, const char *what, struct problem *problem);

#endif
