/* The least that has to be done before ONNX Runtime can predict: LIBRARY MODEL THREADS.
 *
 * Prints how many milliseconds that took. The numbers are positions in the API's table, which never change.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#include "minimal.h"

#define API_VERSION 16
#define LOG_ERROR 3
#define ALL_OPTIMISATIONS 99

struct api_base {
    void *const *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

int main(int argc, char **argv) {
    need(argc == 4, "usage: LIBRARY MODEL THREADS");
    int threads = atoi(argv[3]);
    double started = now_ms();

    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    need(library != NULL, dlerror());
    const struct api_base *(*OrtGetApiBase)(void);
    NEEDED(OrtGetApiBase, library);
    void *const *api = OrtGetApiBase()->get_api(API_VERSION);
    need(api != NULL, "no API");
    void *(*create_environment)(int, const char *, void **);
    void *(*create_session)(const void *, const void *, size_t, const void *, void **);
    void *(*create_options)(void **);
    void *(*set_mode)(void *, int);
    void *(*set_optimisation)(void *, int);
    void *(*set_intra_threads)(void *, int);
    void *(*set_inter_threads)(void *, int);
    void *(*create_memory_info)(int, int, void **);
    *(void **)&create_environment = api[3];
    *(void **)&create_session = api[8];
    *(void **)&create_options = api[10];
    *(void **)&set_mode = api[13];
    *(void **)&set_optimisation = api[23];
    *(void **)&set_intra_threads = api[24];
    *(void **)&set_inter_threads = api[25];
    *(void **)&create_memory_info = api[69];

    void *environment = NULL;
    need(create_environment(LOG_ERROR, "minimal", &environment) == NULL, "no environment");
    size_t bytes = 0;
    void *data = read_file(argv[2], &bytes);
    void *options = NULL;
    need(create_options(&options) == NULL, "no options");
    need(set_intra_threads(options, threads) == NULL && set_inter_threads(options, 1) == NULL, "no threads");
    need(set_mode(options, 0) == NULL && set_optimisation(options, ALL_OPTIMISATIONS) == NULL, "no optimisation");
    void *session = NULL;
    need(create_session(environment, data, bytes, options, &session) == NULL, "no session");
    void *memory = NULL;
    need(create_memory_info(0, 0, &memory) == NULL, "no memory info");

    printf("%.6f\n", now_ms() - started);
    fflush(stdout);
    _Exit(0);
}
