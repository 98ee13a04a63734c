/* Whether an engine's libraries can be loaded here: found out by a process that may die of it. */
#ifndef MOBILEBENCH_LOADING_H
#define MOBILEBENCH_LOADING_H

#include "core/engine.h"

/* Loads the engine's library in a child process, and makes what the backend needs where --check delegate asks for it.
 * What the loader or the engine refuses, and a child that dies, is `unsupported` in words. */
bool loading_check(const struct options *options, const struct engine *engine, struct problem *problem);

#endif
