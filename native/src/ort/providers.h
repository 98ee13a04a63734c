/* The execution providers of ONNX Runtime's backends. */
#ifndef MOBILEBENCH_ORT_PROVIDERS_H
#define MOBILEBENCH_ORT_PROVIDERS_H

#include "ort/ort.h"

/* Returns ONNX Runtime's name for the provider of the backend. */
const char *ort_provider_name(const struct options *options);

/* Whether a provider compiles parts of the graph, so that each part has only one time. */
bool ort_provider_compiles(const char *name);

/* Adds the backend's provider to the session's options. `unsupported` where the library or the machine has none. */
bool ort_provider_add(struct ort *ort, const struct options *options, struct problem *problem);

/* Returns how many threads ONNX Runtime's own pool gets: one where the provider has a pool of its own. */
int ort_pool_threads(const struct options *options);

/* Whether the provider keeps compiled programs in the folder of --cache. */
bool ort_provider_caches(const struct options *options);

#endif
