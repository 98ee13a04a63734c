/* The execution providers. The CPU provider is always there and takes the nodes that the other one leaves; the proof
 * tells how many. */
#include "ort/providers.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "core/engine.h"

#define NNAPI_USE_FP16 1U
#define NNAPI_CPU_DISABLED 4U

#define MAX_KEYS 4

struct settings {
    const char *keys[MAX_KEYS];
    const char *values[MAX_KEYS];
    size_t count;
};

struct provider {
    const char *backend;
    /* The name in the library's list of providers, and the name for setting its options. */
    const char *name;
    const char *short_name;
    bool (*add)(struct ort *ort, const struct provider *provider, const struct options *options,
                struct problem *problem);
    bool compiles;
    bool has_pool;
    bool caches;
};

static void set(struct settings *settings, const char *key, const char *value) {
    settings->keys[settings->count] = key;
    settings->values[settings->count++] = value;
}

/* A provider that cannot be used here makes the case unsupported, for any error code of the library. */
static bool added(const struct ort *ort, void *status, const struct provider *provider, struct problem *problem) {
    char what[96];
    snprintf(what, sizeof what, "%s cannot be used here", provider->name);
    if (ort_good(ort, status, what, problem))
        return true;
    problem->outcome = OUTCOME_UNSUPPORTED;
    return false;
}

static bool append(struct ort *ort, const struct provider *provider, const struct settings *settings,
                   struct problem *problem) {
    return added(ort,
                 ort->api.SessionOptionsAppendExecutionProvider(ort->session_options, provider->short_name,
                                                                settings->keys, settings->values, settings->count),
                 provider, problem);
}

static bool configure(struct ort *ort, const char *key, const char *value, struct problem *problem) {
    return ort_good(ort, ort->api.AddSessionConfigEntry(ort->session_options, key, value),
                    "the session cannot be configured", problem);
}

/* The provider's own pool does the work. Two pools that spin would take cores from each other. */
static bool add_xnnpack(struct ort *ort, const struct provider *provider, const struct options *options,
                        struct problem *problem) {
    struct settings settings = {0};
    char threads[16];
    snprintf(threads, sizeof threads, "%d", options->threads);
    set(&settings, "intra_op_num_threads", threads);
    return configure(ort, "session.intra_op.allow_spinning", "0", problem) && append(ort, provider, &settings, problem);
}

/* NNAPI's CPU implementation is forbidden, because it would hide that no accelerator took a node. */
static bool add_nnapi(struct ort *ort, const struct provider *provider, const struct options *options,
                      struct problem *problem) {
    static const char name[] = "OrtSessionOptionsAppendExecutionProvider_Nnapi";
    void *(*add)(void *, uint32_t) = NULL;
    *(void **)&add = dlsym(ort->library, name);
    if (add == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "this build of ONNX Runtime lacks %s", name);
    if (!nnapi_is_there(problem))
        return false;
    uint32_t flags = NNAPI_CPU_DISABLED | (computes_in(options, "fp16") ? NNAPI_USE_FP16 : 0U);
    return added(ort, add(ort->session_options, flags), provider, problem);
}

static bool add_qnn(struct ort *ort, const struct provider *provider, const struct options *options,
                    struct problem *problem) {
    struct settings settings = {0};
    if (options->delegate_library != NULL)
        set(&settings, "backend_path", options->delegate_library);
    else
        set(&settings, "backend_type", "htp");
    set(&settings, "enable_htp_fp16_precision", computes_in(options, "fp16") ? "1" : "0");
    return append(ort, provider, &settings, problem);
}

static bool add_cuda(struct ort *ort, const struct provider *provider, const struct options *options,
                     struct problem *problem) {
    void *cuda = NULL;
    const char *const key = "use_tf32";
    const char *const value = computes_in(options, "tf32") ? "1" : "0";
    if (!added(ort, ort->api.CreateCUDAProviderOptions(&cuda), provider, problem))
        return false;
    bool done = added(ort, ort->api.UpdateCUDAProviderOptions(cuda, &key, &value, 1), provider, problem) &&
                added(ort, ort->api.SessionOptionsAppendExecutionProvider_CUDA_V2(ort->session_options, cuda), provider,
                      problem);
    ort->api.ReleaseCUDAProviderOptions(cuda);
    return done;
}

/* DirectML needs sequential execution, which every session here has, and no memory pattern. */
static bool add_dml(struct ort *ort, const struct provider *provider, const struct options *options,
                    struct problem *problem) {
    (void)options;
    struct settings settings = {0};
    return ort_good(ort, ort->api.DisableMemPattern(ort->session_options), "the session cannot be configured",
                    problem) &&
           append(ort, provider, &settings, problem);
}

static bool add_openvino(struct ort *ort, const struct provider *provider, const struct options *options,
                         struct problem *problem) {
    struct settings settings = {0};
    char threads[16];
    snprintf(threads, sizeof threads, "%d", options->threads);
    set(&settings, "num_of_threads", threads);
    if (options->cache != NULL)
        set(&settings, "cache_dir", options->cache);
    return append(ort, provider, &settings, problem);
}

static bool add_plainly(struct ort *ort, const struct provider *provider, const struct options *options,
                        struct problem *problem) {
    (void)options;
    struct settings settings = {0};
    return append(ort, provider, &settings, problem);
}

static const struct provider providers[] = {
    {.backend = "cpu", .name = "CPUExecutionProvider"},
    {.backend = "xnnpack",
     .name = "XnnpackExecutionProvider",
     .short_name = "XNNPACK",
     .add = add_xnnpack,
     .has_pool = true},
    {.backend = "nnapi", .name = "NnapiExecutionProvider", .add = add_nnapi, .compiles = true},
    {.backend = "qnn", .name = "QNNExecutionProvider", .short_name = "QNN", .add = add_qnn, .compiles = true},
    {.backend = "webgpu", .name = "WebGpuExecutionProvider", .short_name = "WebGPU", .add = add_plainly},
    {.backend = "cuda", .name = "CUDAExecutionProvider", .add = add_cuda},
    {.backend = "dml", .name = "DmlExecutionProvider", .short_name = "DML", .add = add_dml},
    {.backend = "openvino",
     .name = "OpenVINOExecutionProvider",
     .short_name = "OpenVINO",
     .add = add_openvino,
     .compiles = true,
     .has_pool = true,
     .caches = true},
};

static const struct provider *asked(const struct options *options) {
    size_t i = 0;
    while (strcmp(providers[i].backend, options->backend) != 0)
        i++;
    return &providers[i];
}

const char *ort_provider_name(const struct options *options) {
    return asked(options)->name;
}

bool ort_provider_compiles(const char *name) {
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        if (strcmp(providers[i].name, name) == 0)
            return providers[i].compiles;
    }
    return false;
}

int ort_pool_threads(const struct options *options) {
    return asked(options)->has_pool ? 1 : options->threads;
}

bool ort_provider_caches(const struct options *options) {
    return asked(options)->caches;
}

/* Fails with a list of the providers that the library has. Also returns false, and sets `found`, when `name` is among
 * them. */
static bool look_for(const struct ort *ort, const char *name, bool *found, char *list, size_t room,
                     struct problem *problem) {
    char **names = NULL;
    int count = 0;
    size_t used = 0;
    if (!ort_good(ort, ort->api.GetAvailableProviders(&names, &count), "the providers cannot be listed", problem))
        return false;
    for (int i = 0; i < count; i++) {
        *found = *found || strcmp(names[i], name) == 0;
        int wrote = snprintf(list + used, room - used, "%s%s", i == 0 ? "" : ", ", names[i]);
        if (wrote > 0 && (size_t)wrote < room - used)
            used += (size_t)wrote;
        list[used] = '\0';
    }
    return ort_good(ort, ort->api.ReleaseAvailableProviders(names, count), "the providers cannot be listed", problem);
}

bool ort_provider_add(struct ort *ort, const struct options *options, struct problem *problem) {
    const struct provider *provider = asked(options);
    bool found = false;
    char list[512] = "";
    if (provider->add == NULL)
        return true;
    if (!look_for(ort, provider->name, &found, list, sizeof list, problem))
        return false;
    if (!found)
        return fail(problem, OUTCOME_UNSUPPORTED, "this build of ONNX Runtime has no %s; it has %s", provider->name,
                    list);
    return provider->add(ort, provider, options, problem);
}
