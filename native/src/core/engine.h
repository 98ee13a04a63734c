/* The interface of an engine: one function for each stage of a block. Each of them may fail. */
#ifndef MOBILEBENCH_ENGINE_H
#define MOBILEBENCH_ENGINE_H

#include "core/args.h"
#include "core/kernels.h"
#include "core/proof.h"
#include "os/file.h"
#include "os/problem.h"

#define MAX_CHOICES 4

/* A backend of an engine, and the choices that it leaves. The first value of a choice is the default. A choice without
 * values does not exist on this backend. */
struct backend {
    const char *name;
    /* Values of --delegate, with NULL behind the last one. */
    const char *delegates[MAX_CHOICES];
    /* Values of --arithmetic, with NULL behind the last one. */
    const char *arithmetics[MAX_CHOICES];
};

struct engine {
    const char *name;
    const struct backend *backends;
    size_t backend_count;
    /* False for an engine that loads neither library nor model. */
    bool loads_files;

    /* Opens the library and finds its functions. The state that it makes is passed to every later stage. */
    bool (*load)(const struct options *options, void **state, struct problem *problem);
    /* Creates the delegate or execution provider of the backend, without a model. */
    bool (*try_delegate)(void *state, const struct options *options, struct problem *problem);
    /* Creates a session of the model, without delegates. */
    bool (*open)(void *state, const struct options *options, const struct file *model, struct problem *problem);
    /* Gives the graph to the delegate. NULL where the engine has no such step. */
    bool (*delegate)(void *state, const struct options *options, struct problem *problem);
    /* Allocates memory for the inputs and outputs, and finds them in the model. */
    bool (*ready)(void *state, struct options *options, struct problem *problem);
    /* Computes one prediction, from the inputs in host memory to the outputs in host memory. */
    bool (*predict)(void *state, struct options *options, struct problem *problem);
    /* Collects the kernels of a kernels pass after the last prediction. NULL where the engine has no profiler. */
    bool (*collect)(void *state, struct kernels *kernels, struct problem *problem);
    /* Reads the proof from the engine after everything was measured. NULL for an engine that computes nothing. */
    bool (*prove)(void *state, struct proof *proof, struct problem *problem);
    const char *(*version)(void *state);
    void (*close)(void *state);
};

/* Returns the engine of that name, or NULL. */
const struct engine *engine_named(const char *name);

/* Adds a note to the proof. Notes beyond MAX_NOTES are dropped. */
void prove_note(struct proof *proof, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds `nodes` to the share of the delegate or provider `name`, and returns that share; NULL beyond MAX_SHARES. */
struct share *prove_share(struct proof *proof, const char *name, long nodes);

/* Opens a shared library. `whose` names it in the message, as in `the engine's`. A library that cannot be loaded here
 * is `unsupported`, with the loader's message. */
bool open_library(const char *path, const char *whose, void **library, struct problem *problem);

/* Fails as `unsupported` where Android has no NNAPI. Engines call its functions without checking that they exist. */
bool nnapi_is_there(struct problem *problem);

/* Whether float32 operations are to be computed in this number format. */
bool computes_in(const struct options *options, const char *arithmetic);

/* Fails when the arithmetic is float16 and --allow-fp16 does not permit it. */
bool fp16_permitted(const struct options *options, struct problem *problem);

extern const struct engine engine_tflite;
extern const struct engine engine_onnxruntime;
extern const struct engine engine_sleep;

#endif
