#include "tflite/delegates.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/engine.h"
#include "os/cpu.h"

#define XNNPACK_FORCE_FP16 4U

#define GPU_SUSTAINED_SPEED 1
#define GPU_AUTO 0
#define GPU_MAX_PRECISION 1
#define GPU_MIN_LATENCY 2
#define GPU_MIN_MEMORY 3
#define GPU_SERIALIZE 8

struct family {
    const char *backend;
    const char *mark;
    const char *title;
    bool (*make)(struct tflite *tflite, const struct options *options, struct problem *problem);
};

static bool find(void *library, const char *name, void **function) {
    *function = dlsym(library, name);
    return *function != NULL;
}

static bool lacks(const char *what, const char *name, struct problem *problem) {
    return fail(problem, OUTCOME_UNSUPPORTED, "this build of TensorFlow Lite has no %s: it lacks %s", what, name);
}

static bool computes_fp16(void) {
    static const char *const arithmetic[] = {"avx512_fp16", "asimdhp"};
    const char *features[MAX_CPU_FEATURES];
    size_t count = cpu_features(features);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof arithmetic / sizeof *arithmetic; k++) {
            if (strcmp(features[i], arithmetic[k]) == 0)
                return true;
        }
    }
    return false;
}

static bool force_fp16(const struct tflite *tflite, union xnnpack_options *xnnpack, struct problem *problem) {
    if (!computes_fp16())
        return fail(problem, OUTCOME_UNSUPPORTED,
                    "this processor has no float16 arithmetic (neither asimdhp nor avx512_fp16)");
    if (tflite_is(tflite, "2.20.0"))
        xnnpack->v2_20.flags |= XNNPACK_FORCE_FP16;
    else if (tflite_is(tflite, "2.16.1"))
        xnnpack->v2_16.flags |= XNNPACK_FORCE_FP16;
    else
        return fail(problem, OUTCOME_UNSUPPORTED,
                    "how XNNPACK is asked for float16 was checked for TensorFlow Lite 2.16.1 and 2.20.0, not for %s",
                    tflite->api.TfLiteVersion());
    return true;
}

/* Whether XNNPACK can store its packed weights. It aborts on weights that it converts itself, because they have no
 * name. */
static const char *why_not_kept(struct tflite *tflite, const struct options *options) {
    if (!tflite_is(tflite, "2.20.0"))
        return "this version of XNNPACK keeps no packed weights";
    if (computes_in(options, "fp16") ||
        tflite_graph_has_float16(&tflite->api, tflite->interpreter, &tflite->type_observer))
        return "XNNPACK 2.20.0 cannot keep packed weights that it converts from or to float16";
    return NULL;
}

static void keep_weights(struct tflite *tflite, const struct options *options, union xnnpack_options *xnnpack) {
    if (options->cache == NULL)
        return;
    tflite->cache_refused = why_not_kept(tflite, options);
    if (tflite->cache_refused != NULL)
        return;
    int length = snprintf(tflite->cache_file, sizeof tflite->cache_file, "%s/xnnpack-%s-%s.weights", options->cache,
                          options->arithmetic, tflite->token);
    if (length < 0 || (size_t)length >= sizeof tflite->cache_file) {
        tflite->cache_file[0] = '\0';
        tflite->cache_refused = "the cache's path is too long";
        return;
    }
    tflite->cache_found = access(tflite->cache_file, R_OK) == 0;
    xnnpack->v2_20.weight_cache_file_path = tflite->cache_file;
}

static bool make_xnnpack(struct tflite *tflite, const struct options *options, struct problem *problem) {
    union xnnpack_options (*defaults)(void) = NULL;
    void *(*create)(const union xnnpack_options *) = NULL;
    if (!find(tflite->library, "TfLiteXNNPackDelegateOptionsDefault", (void **)&defaults))
        return lacks("XNNPACK", "TfLiteXNNPackDelegateOptionsDefault", problem);
    if (!find(tflite->library, "TfLiteXNNPackDelegateCreate", (void **)&create))
        return lacks("XNNPACK", "TfLiteXNNPackDelegateCreate", problem);
    if (!find(tflite->library, "TfLiteXNNPackDelegateDelete", (void **)&tflite->delete_delegate))
        return lacks("XNNPACK", "TfLiteXNNPackDelegateDelete", problem);
    union xnnpack_options xnnpack = defaults();
    xnnpack.num_threads = options->threads;
    bool fp16 = computes_in(options, "fp16");
    if (fp16 && !force_fp16(tflite, &xnnpack, problem))
        return false;
    keep_weights(tflite, options, &xnnpack);
    tflite->delegate = create(&xnnpack);
    if (tflite->delegate == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "XNNPACK does not run on this processor");
    if (fp16 && (tflite->api.TfLiteXNNPackDelegateGetFlags == NULL ||
                 !((unsigned int)tflite->api.TfLiteXNNPackDelegateGetFlags(tflite->delegate) & XNNPACK_FORCE_FP16)))
        return fail(problem, OUTCOME_UNSUPPORTED, "XNNPACK does not show that it was asked for float16");
    return true;
}

static void prefer(struct gpu_options *gpu, bool fp16) {
    gpu->inference_preference = GPU_SUSTAINED_SPEED;
    gpu->is_precision_loss_allowed = fp16;
    gpu->inference_priority1 = fp16 ? GPU_MIN_LATENCY : GPU_MAX_PRECISION;
    gpu->inference_priority2 = fp16 ? GPU_MIN_MEMORY : GPU_AUTO;
    gpu->inference_priority3 = fp16 ? GPU_MAX_PRECISION : GPU_AUTO;
}

static bool make_gpu(struct tflite *tflite, const struct options *options, struct problem *problem) {
    struct gpu_options (*defaults)(void) = NULL;
    void *(*create)(const struct gpu_options *) = NULL;
    void *library = tflite->library;
    if (options->delegate_library != NULL &&
        !open_library(options->delegate_library, "the delegate's", &library, problem))
        return false;
    if (!find(library, "TfLiteGpuDelegateOptionsV2Default", (void **)&defaults))
        return lacks("GPU delegate", "TfLiteGpuDelegateOptionsV2Default", problem);
    if (!find(library, "TfLiteGpuDelegateV2Create", (void **)&create))
        return lacks("GPU delegate", "TfLiteGpuDelegateV2Create", problem);
    if (!find(library, "TfLiteGpuDelegateV2Delete", (void **)&tflite->delete_delegate))
        return lacks("GPU delegate", "TfLiteGpuDelegateV2Delete", problem);
    struct gpu_options gpu = defaults();
    prefer(&gpu, computes_in(options, "fp16"));
    if (options->cache != NULL) {
        gpu.experimental_flags |= GPU_SERIALIZE;
        gpu.serialization_dir = options->cache;
        gpu.model_token = tflite->token;
    }
    tflite->delegate = create(&gpu);
    return tflite->delegate != NULL || tflite_refuse(tflite, OUTCOME_UNSUPPORTED, "no GPU delegate", problem);
}

static bool make_nnapi(struct tflite *tflite, const struct options *options, struct problem *problem) {
    struct nnapi_options (*defaults)(void) = NULL;
    void *(*create)(const struct nnapi_options *) = NULL;
    if (!find(tflite->library, "TfLiteNnapiDelegateOptionsDefault", (void **)&defaults))
        return lacks("NNAPI delegate", "TfLiteNnapiDelegateOptionsDefault", problem);
    if (!find(tflite->library, "TfLiteNnapiDelegateCreate", (void **)&create))
        return lacks("NNAPI delegate", "TfLiteNnapiDelegateCreate", problem);
    if (!find(tflite->library, "TfLiteNnapiDelegateDelete", (void **)&tflite->delete_delegate))
        return lacks("NNAPI delegate", "TfLiteNnapiDelegateDelete", problem);
    if (!nnapi_is_there(problem))
        return false;
    struct nnapi_options nnapi = defaults();
    /* NNAPI's CPU implementation is forbidden, because it would hide that no accelerator took a node. */
    nnapi.disallow_nnapi_cpu = 1;
    nnapi.allow_fp16 = computes_in(options, "fp16");
    if (options->cache != NULL) {
        nnapi.cache_dir = options->cache;
        nnapi.model_token = tflite->token;
    }
    tflite->delegate = create(&nnapi);
    return tflite->delegate != NULL || tflite_refuse(tflite, OUTCOME_UNSUPPORTED, "no NNAPI delegate", problem);
}

static const struct family families[] = {
    {"cpu", "XNNPack", "XNNPACK", make_xnnpack},
    {"gpu", "Gpu", "the GPU delegate", make_gpu},
    {"nnapi", "Nnapi", "the NNAPI delegate", make_nnapi},
};

static const struct family *asked(const struct options *options) {
    if (options->delegate != NULL && strcmp(options->delegate, "none") == 0)
        return NULL;
    size_t i = 0;
    while (strcmp(families[i].backend, options->backend) != 0)
        i++;
    return &families[i];
}

bool tflite_delegate_make(struct tflite *tflite, const struct options *options, struct problem *problem) {
    const struct family *family = asked(options);
    if (family != NULL)
        return family->make(tflite, options, problem);
    return !computes_in(options, "fp16") ||
           fail(problem, OUTCOME_BAD_ARGUMENT,
                "--arithmetic fp16 needs a delegate: TensorFlow Lite's own kernels compute "
                "float32 as it is");
}

const char *tflite_delegate_mark(const struct options *options) {
    const struct family *family = asked(options);
    return family == NULL ? NULL : family->mark;
}

const char *tflite_delegate_title(const struct options *options) {
    const struct family *family = asked(options);
    return family == NULL ? "no delegate" : family->title;
}

static void prove_xnnpack(const struct tflite *tflite, const struct options *options, struct proof *proof) {
    const struct tflite_api *api = &tflite->api;
    if (api->TfLiteXNNPackDelegateGetThreadPool != NULL && api->pthreadpool_get_threads_count != NULL) {
        void *pool = api->TfLiteXNNPackDelegateGetThreadPool(tflite->delegate);
        size_t threads = pool == NULL ? 1 : api->pthreadpool_get_threads_count(pool);
        prove_note(proof, "XNNPACK's own pool has %zu thread(s); %d were requested", threads, options->threads);
    }
    if (computes_in(options, "fp16"))
        prove_note(proof, "XNNPACK's flags, read back, force float16");
    if (tflite->cache_file[0] != '\0')
        prove_note(proof, "XNNPACK's packed weights were %s",
                   tflite->cache_found ? "found in the cache" : "not cached");
    else if (tflite->cache_refused != NULL)
        prove_note(proof, "%s: the cache was not used", tflite->cache_refused);
}

void tflite_delegate_prove(const struct tflite *tflite, const struct options *options, struct proof *proof) {
    const struct family *family = asked(options);
    if (family == NULL) {
        if (options->cache != NULL)
            prove_note(proof, "TensorFlow Lite's own kernels keep nothing: the cache was not used");
        return;
    }
    if (family->make == make_xnnpack)
        prove_xnnpack(tflite, options, proof);
}
