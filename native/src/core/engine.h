/* What an engine is to the runner: the stages of a block, each of which may fail. */
#ifndef MOBILEBENCH_ENGINE_H
#define MOBILEBENCH_ENGINE_H

#include "core/args.h"
#include "core/kernels.h"
#include "core/proof.h"
#include "os/file.h"
#include "os/problem.h"

#define MAX_SETTINGS 8

/* Where an engine computes, and the settings that it has there; the first is the default. */
struct backend {
    const char *name;
    const char *settings[MAX_SETTINGS];
};

struct engine {
    const char *name;
    const struct backend *backends;
    size_t backend_count;
    /* False for an engine that loads neither library nor model. */
    bool loads_files;

    /* Opens the library and finds its functions. Every later stage gets the state that this one made. */
    bool (*load)(const struct options *options, void **state, struct problem *problem);
    /* Makes what the backend needs besides, without a model: delegate or execution provider. */
    bool (*try_delegate)(void *state, const struct options *options, struct problem *problem);
    /* Makes a session of the model, without delegates. */
    bool (*open)(void *state, const struct options *options, const struct file *model, struct problem *problem);
    /* Hands the graph to the delegate; NULL where there is none. */
    bool (*delegate)(void *state, const struct options *options, struct problem *problem);
    /* Allocates and finds the inputs and outputs. */
    bool (*ready)(void *state, struct options *options, struct problem *problem);
    /* From the inputs in host memory to the outputs in host memory. */
    bool (*predict)(void *state, struct options *options, struct problem *problem);
    /* The times of a kernels pass, after the last prediction; NULL where the engine cannot tell. */
    bool (*collect)(void *state, struct kernels *kernels, struct problem *problem);
    /* Version and read-outs, after everything was measured; NULL where nothing computes. */
    bool (*prove)(void *state, struct proof *proof, struct problem *problem);
    const char *(*version)(void *state);
    void (*close)(void *state);
};

/* The engine of that name, or NULL. */
const struct engine *engine_named(const char *name);

/* Adds a remark to the proof; those beyond MAX_NOTES are dropped. */
void prove_note(struct proof *proof, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Counts `nodes` more nodes for the delegate or provider `name`, whose share is returned; NULL beyond MAX_SHARES. */
struct share *prove_share(struct proof *proof, const char *name, long nodes);

/* Opens a shared library, `whose` as in `the engine's`; `unsupported` in the system's own words where it cannot be
 * loaded here. */
bool open_library(const char *path, const char *whose, void **library, struct problem *problem);

/* Fails in the same way where Android has no NNAPI: engines call its functions without a look whether they are there.
 */
bool nnapi_is_there(struct problem *problem);

/* Settings that compute in float16 need the permission; it alone changes nothing. */
bool fp16_permitted(const struct options *options, struct problem *problem);

extern const struct engine engine_tflite;
extern const struct engine engine_onnxruntime;
extern const struct engine engine_sleep;

#endif
