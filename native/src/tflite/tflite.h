/* The state of a session of TensorFlow Lite, which its parts share. */
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
    /* NULL on TensorFlow Lite's own kernels. */
    void *delegate;
    void (*delete_delegate)(void *delegate);
    struct tflite_plan plan;
    struct tflite_profile profile;
    /* Positions, not tensors: kernels with several threads add tensors while they run, and so move all of them. */
    int32_t inputs[MAX_INPUTS];
    int32_t outputs[MAX_OUTPUTS];
    /* Of the model, for what delegates keep between processes. */
    char token[32];
    char cache_file[1024];
    bool cache_found;
    /* Why none is used. */
    const char *cache_refused;
    void *type_observer;
    /* The engine's first complaint; later ones follow from it. */
    char complaint[768];
};

/* TensorFlow Lite's release, such as `2.20.0`. */
bool tflite_is(const struct tflite *tflite, const char *release);

/* Fails with the engine's complaint: `unsupported` where it lacks an operator, else `otherwise`. */
bool tflite_refuse(const struct tflite *tflite, enum outcome otherwise, const char *what, struct problem *problem);

#endif
