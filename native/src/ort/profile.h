/* ONNX Runtime's profiling: a file of events in the scratch folder, read after the last prediction, and removed. */
#ifndef MOBILEBENCH_ORT_PROFILE_H
#define MOBILEBENCH_ORT_PROFILE_H

#include <stdbool.h>

#include "core/args.h"
#include "core/kernels.h"
#include "os/problem.h"

struct ort_profile {
    /* How the files' paths begin; empty without profiling. */
    char prefix[1024];
    /* Calls of the session, warmup among them, and those that the file tells of. */
    long calls;
    long calls_told;
};

/* Chooses the files' prefix in the scratch folder. */
bool ort_profile_begin(struct ort_profile *profile, const struct options *options, struct problem *problem);

/* Adds the kernels of the file at `path`; what it tells of a call that it does not tell whole is left out. */
bool ort_profile_read(struct ort_profile *profile, const char *path, struct kernels *kernels, struct problem *problem);

/* Removes all files of this process, whether or not they were read. */
void ort_profile_remove(const struct ort_profile *profile);

#endif
