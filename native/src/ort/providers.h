/* The execution providers of ONNX Runtime's backends. */
#ifndef MOBILEBENCH_ORT_PROVIDERS_H
#define MOBILEBENCH_ORT_PROVIDERS_H

#include "ort/ort.h"

/* ONNX Runtime's own name for the provider of the asked backend. */
const char *ort_provider_name(const struct options *options);

/* A provider that compiles whole parts of the graph, of which it tells one time. */
bool ort_provider_compiles(const char *name);

/* Adds the asked provider to the session's options; `unsupported` where this library or this machine has none. */
bool ort_provider_add(struct ort *ort, const struct options *options, struct problem *problem);

/* How many threads ONNX Runtime's own pool gets: one where the provider has a pool. */
int ort_pool_threads(const struct options *options);

/* The provider keeps what it compiled in the folder that --cache names. */
bool ort_provider_caches(const struct options *options);

#endif
