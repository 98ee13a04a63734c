/* TensorFlow Lite whose interpreter is slower by a known factor for one model: all other functions are those of the
 * library that this one is linked with.
 *
 * FACTOR: how many times as long an inference takes; after each one it computes on until that time is over.
 * EXTRA_MIB: so much memory its process holds beside that of the engine.
 * BYTES, THREADS: of the case that is slowed: the size of its first input, and its number of threads.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int32_t threads;

static void *original(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort();
    return found;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* By the address of this function the runner finds the file that it loaded. */
const char *TfLiteVersion(void) {
    const char *(*version)(void);
    *(void **)&version = original("TfLiteVersion");
    return version();
}

void TfLiteInterpreterOptionsSetNumThreads(void *options, int32_t count) {
    void (*set)(void *, int32_t);
    *(void **)&set = original("TfLiteInterpreterOptionsSetNumThreads");
    threads = count;
    set(options, count);
}

static int is_slowed(const void *interpreter) {
    void *(*input)(const void *, int32_t);
    size_t (*size)(const void *);
    *(void **)&input = original("TfLiteInterpreterGetInputTensor");
    *(void **)&size = original("TfLiteTensorByteSize");
    return threads == (THREADS) && size(input(interpreter, 0)) == (size_t)(BYTES);
}

/* Volatile, so that the memory is really written. */
static char *volatile held;

static void hold(size_t bytes) {
    held = bytes == 0 ? NULL : malloc(bytes);
    if (held != NULL)
        memset(held, 1, bytes);
}

int TfLiteInterpreterInvoke(void *interpreter) {
    static int (*invoke)(void *);
    static int slowed;
    if (invoke == NULL) {
        *(void **)&invoke = original("TfLiteInterpreterInvoke");
        slowed = is_slowed(interpreter);
        hold(slowed ? (size_t)(EXTRA_MIB) << 20 : 0);
    }
    int64_t begun = now_ns();
    int status = invoke(interpreter);
    if (slowed) {
        int64_t end = begun + (int64_t)((double)(now_ns() - begun) * (FACTOR));
        while (now_ns() < end)
            continue;
    }
    return status;
}
