/* Tries to load an engine's libraries in a child process, which may crash without harm. */
#ifndef MOBILEBENCH_LOADING_H
#define MOBILEBENCH_LOADING_H

#include "core/engine.h"

/* Loads the engine's library in a child process, and with --check delegate also creates the backend's delegate. When
 * the loader or the engine refuses, or the child dies, the result is `unsupported` with the reason. */
bool loading_check(const struct options *options, const struct engine *engine, struct problem *problem);

#endif
