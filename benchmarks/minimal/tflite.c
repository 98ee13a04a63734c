/* The least that has to be done before TensorFlow Lite can predict with XNNPACK: LIBRARY MODEL THREADS.
 *
 * Prints how many milliseconds that took.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#include "minimal.h"

/* The number of threads is the first member in every version. */
union xnnpack_options {
    int32_t num_threads;
    char room[512];
};

int main(int argc, char **argv) {
    need(argc == 4, "usage: LIBRARY MODEL THREADS");
    int threads = atoi(argv[3]);
    double started = now_ms();

    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    need(library != NULL, dlerror());
    void *(*TfLiteModelCreate)(const void *, size_t);
    void *(*TfLiteInterpreterOptionsCreate)(void);
    void (*TfLiteInterpreterOptionsSetNumThreads)(void *, int32_t);
    void *(*TfLiteInterpreterCreate)(const void *, const void *);
    union xnnpack_options (*TfLiteXNNPackDelegateOptionsDefault)(void);
    void *(*TfLiteXNNPackDelegateCreate)(const union xnnpack_options *);
    int (*TfLiteInterpreterModifyGraphWithDelegate)(const void *, void *);
    int (*TfLiteInterpreterAllocateTensors)(void *);
    NEEDED(TfLiteModelCreate, library);
    NEEDED(TfLiteInterpreterOptionsCreate, library);
    NEEDED(TfLiteInterpreterOptionsSetNumThreads, library);
    NEEDED(TfLiteInterpreterCreate, library);
    NEEDED(TfLiteXNNPackDelegateOptionsDefault, library);
    NEEDED(TfLiteXNNPackDelegateCreate, library);
    NEEDED(TfLiteInterpreterModifyGraphWithDelegate, library);
    NEEDED(TfLiteInterpreterAllocateTensors, library);

    size_t bytes = 0;
    void *data = read_file(argv[2], &bytes);
    void *model = TfLiteModelCreate(data, bytes);
    need(model != NULL, "no model");
    void *options = TfLiteInterpreterOptionsCreate();
    TfLiteInterpreterOptionsSetNumThreads(options, threads);
    void *interpreter = TfLiteInterpreterCreate(model, options);
    need(interpreter != NULL, "no interpreter");
    union xnnpack_options xnnpack = TfLiteXNNPackDelegateOptionsDefault();
    xnnpack.num_threads = threads;
    void *delegate = TfLiteXNNPackDelegateCreate(&xnnpack);
    need(delegate != NULL && TfLiteInterpreterModifyGraphWithDelegate(interpreter, delegate) == 0, "no delegate");
    need(TfLiteInterpreterAllocateTensors(interpreter) == 0, "no tensors");

    printf("%.6f\n", now_ms() - started);
    fflush(stdout);
    _Exit(0);
}
