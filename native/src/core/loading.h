/* Tries to load an engine's libraries. */
#ifndef MOBILEBENCH_LOADING_H
#define MOBILEBENCH_LOADING_H

#include "core/caller.h"
#include "core/engine.h"

/* Loads the engine's library, and with --check delegate also creates the backend's delegate: in a child process, which
 * may crash without harm, but in the process of an app in that process itself. When the loader or the engine refuses,
 * or the child dies, the result is `unsupported` with the reason. */
bool loading_check(const struct options *options, const struct engine *engine, const struct caller *caller,
                   struct problem *problem);

#endif
