/* The state of an ONNX Runtime session, which the files of this folder share. */
#ifndef MOBILEBENCH_ORT_H
#define MOBILEBENCH_ORT_H

#include "core/args.h"
#include "ort/api.h"
#include "ort/profile.h"
#include "os/problem.h"

struct ort {
    struct ort_api api;
    const struct ort_api_base *base;
    void *library;
    const struct options *asked;
    void *environment;
    void *session_options;
    void *session;
    void *memory;
    struct ort_profile profile;
    const char *input_names[MAX_INPUTS];
    const char *output_names[MAX_OUTPUTS];
};

/* Returns true when `status` is success. Otherwise the problem gets the engine's message, and the status is released.
 */
bool ort_good(const struct ort *ort, void *status, const char *what, struct problem *problem);

#endif
