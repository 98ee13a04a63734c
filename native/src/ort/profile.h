/* Profiling with ONNX Runtime: it writes a file of events into the scratch folder, which is read after the last
 * prediction and removed. */
#ifndef MOBILEBENCH_ORT_PROFILE_H
#define MOBILEBENCH_ORT_PROFILE_H

#include <stdbool.h>

#include "core/args.h"
#include "core/kernels.h"
#include "os/problem.h"

struct ort_profile {
    /* The prefix of the paths of the files; empty without profiling. */
    char prefix[1024];
    /* Calls of the session, warmup included, and the number of them that the file holds. */
    long calls;
    long calls_found;
};

/* Chooses the prefix of the files in the scratch folder. */
bool ort_profile_begin(struct ort_profile *profile, const struct options *options, struct problem *problem);

/* Adds the kernels in the file at `path`. A call that is incomplete there is left out. */
bool ort_profile_read(struct ort_profile *profile, const char *path, struct kernels *kernels, struct problem *problem);

/* Removes all files of this process. */
void ort_profile_remove(const struct ort_profile *profile);

#endif
