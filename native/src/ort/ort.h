/* The state of a session of ONNX Runtime, which its parts share. */
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

/* True when `status` says that all is well; else the problem carries the engine's words, and the status is released. */
bool ort_good(const struct ort *ort, void *status, const char *what, struct problem *problem);

#endif
