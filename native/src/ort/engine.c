/* ONNX Runtime through its C API. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "ort/ort.h"
#include "ort/profile.h"
#include "ort/providers.h"

bool ort_good(const struct ort *ort, void *status, const char *what, struct problem *problem) {
    if (status == NULL)
        return true;
    enum outcome outcome = ort->api.GetErrorCode(status) == ORT_NOT_IMPLEMENTED ? OUTCOME_UNSUPPORTED : OUTCOME_ERROR;
    fail(problem, outcome, "%s: %s", what, ort->api.GetErrorMessage(status));
    ort->api.ReleaseStatus(status);
    return false;
}

static bool find_functions(struct ort *ort, struct problem *problem) {
    struct ort_api *api = &ort->api;
    if (ort->base == NULL || ort->base->get_api == NULL || ort->base->get_version == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "the library is not ONNX Runtime: OrtGetApiBase gives no functions");
    void *const *newer = ort->base->get_api(ORT_ASSIGNMENT_VERSION);
    void *const *table = newer != NULL ? newer : ort->base->get_api(ORT_BASE_VERSION);
    if (table == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "ONNX Runtime %s is older than 1.%d", ort->base->get_version(),
                    ORT_BASE_VERSION);
#define FIND(name, position, result, parameters)                                                                       \
    *(void **)&api->name = table[position];                                                                            \
    if (api->name == NULL)                                                                                             \
        return fail(problem, OUTCOME_UNSUPPORTED, "this build of ONNX Runtime lacks the function " #name);
    ORT_FUNCTIONS(FIND)
    if (newer != NULL) {
        ORT_ASSIGNMENT(FIND)
    }
#undef FIND
    return true;
}

static bool load(const struct options *options, void **state, struct problem *problem) {
    void *library = NULL;
    const struct ort_api_base *(*get_base)(void) = NULL;
    if (!fp16_permitted(options, problem) || !open_library(options->library, "the engine's", &library, problem))
        return false;
    *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    if (get_base == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "the library is not ONNX Runtime: it lacks OrtGetApiBase");
    struct ort *ort = calloc(1, sizeof *ort);
    if (ort == NULL)
        return fail(problem, OUTCOME_ERROR, "no memory");
    *state = ort;
    ort->library = library;
    ort->asked = options;
    ort->base = get_base();
    return find_functions(ort, problem) &&
           ort_good(ort, ort->api.CreateEnv(ORT_LOG_ERROR, "mobilebench", &ort->environment), "no environment",
                    problem) &&
           ort_good(ort, ort->api.DisableTelemetryEvents(ort->environment), "telemetry cannot be turned off", problem);
}

static bool watch(struct ort *ort, const struct options *options, struct problem *problem) {
    return options->pass != PASS_KERNELS ||
           (ort_profile_begin(&ort->profile, options, problem) &&
            ort_good(ort, ort->api.EnableProfiling(ort->session_options, ort->profile.prefix),
                     "profiling cannot be turned on", problem));
}

static bool configure(struct ort *ort, const struct options *options, struct problem *problem) {
    const char *what = "the session cannot be configured";
    const struct ort_api *api = &ort->api;
    if (!ort_good(ort, api->CreateSessionOptions(&ort->session_options), what, problem))
        return false;
    void *session = ort->session_options;
    return ort_good(ort, api->SetIntraOpNumThreads(session, ort_pool_threads(options)), what, problem) &&
           ort_good(ort, api->SetInterOpNumThreads(session, 1), what, problem) &&
           ort_good(ort, api->SetSessionExecutionMode(session, ORT_SEQUENTIAL), what, problem) &&
           ort_good(ort, api->SetSessionGraphOptimizationLevel(session, ORT_ALL_OPTIMISATIONS), what, problem) &&
           ort_good(ort, api->AddSessionConfigEntry(session, "session.record_ep_graph_assignment_info", "1"), what,
                    problem) &&
           ort_provider_add(ort, options, problem) && watch(ort, options, problem);
}

static bool try_provider(void *state, const struct options *options, struct problem *problem) {
    struct ort *ort = state;
    return ort_good(ort, ort->api.CreateSessionOptions(&ort->session_options), "the session cannot be configured",
                    problem) &&
           ort_provider_add(ort, options, problem);
}

static bool open_session(void *state, const struct options *options, const struct file *model,
                         struct problem *problem) {
    struct ort *ort = state;
    return configure(ort, options, problem) &&
           ort_good(ort,
                    ort->api.CreateSessionFromArray(ort->environment, model->data, model->bytes, ort->session_options,
                                                    &ort->session),
                    "the model cannot be opened", problem);
}

static bool ready(void *state, struct options *options, struct problem *problem) {
    struct ort *ort = state;
    size_t inputs = 0;
    if (!ort_good(ort, ort->api.SessionGetInputCount(ort->session, &inputs), "the inputs cannot be counted", problem))
        return false;
    if (inputs != options->input_count)
        return fail(problem, OUTCOME_ERROR, "the model has %zu inputs, but %zu were given", inputs,
                    options->input_count);
    for (size_t i = 0; i < options->input_count; i++)
        ort->input_names[i] = options->inputs[i].tensor.name;
    for (size_t i = 0; i < options->output_count; i++)
        ort->output_names[i] = options->outputs[i].tensor.name;
    return ort_good(ort, ort->api.CreateCpuMemoryInfo(ORT_DEVICE_ALLOCATOR, ORT_DEFAULT_MEMORY, &ort->memory),
                    "no memory", problem);
}

static const struct {
    int type;
    enum dtype dtype;
} types[] = {{1, DTYPE_FLOAT32}, {2, DTYPE_UINT8}, {3, DTYPE_INT8},
             {6, DTYPE_INT32},   {7, DTYPE_INT64}, {9, DTYPE_BOOL}};

static int type_of(enum dtype dtype) {
    size_t i = 0;
    while (types[i].dtype != dtype)
        i++;
    return types[i].type;
}

static bool dtype_of(int type, enum dtype *dtype) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type == type) {
            *dtype = types[i].dtype;
            return true;
        }
    }
    return false;
}

static bool wrap(struct ort *ort, const struct tensor *tensor, void **value, struct problem *problem) {
    return ort_good(ort,
                    ort->api.CreateTensorWithDataAsOrtValue(ort->memory, tensor->data, tensor->bytes, tensor->dims,
                                                            tensor->rank, type_of(tensor->dtype), value),
                    "an input cannot be made", problem);
}

static bool shape_as(struct ort *ort, const void *facts, struct tensor *tensor, struct problem *problem) {
    int type = 0;
    size_t rank = 0;
    int64_t dims[MAX_RANK];
    enum dtype dtype = DTYPE_FLOAT32;
    const char *what = "an output cannot be described";
    if (!ort_good(ort, ort->api.GetTensorElementType(facts, &type), what, problem) ||
        !ort_good(ort, ort->api.GetDimensionsCount(facts, &rank), what, problem))
        return false;
    if (!dtype_of(type, &dtype) || rank > MAX_RANK)
        return fail(problem, OUTCOME_ERROR, "output `%s` has a number format or shape that is not handled",
                    tensor->name);
    return ort_good(ort, ort->api.GetDimensions(facts, dims, rank), what, problem) &&
           tensor_shape(tensor, dtype, dims, rank, problem);
}

static bool copy_out(struct ort *ort, void *value, struct tensor *tensor, struct problem *problem) {
    void *facts = NULL;
    void *data = NULL;
    if (!ort_good(ort, ort->api.GetTensorTypeAndShape(value, &facts), "an output cannot be described", problem))
        return false;
    bool shaped = shape_as(ort, facts, tensor, problem);
    ort->api.ReleaseTensorTypeAndShapeInfo(facts);
    if (!shaped || !ort_good(ort, ort->api.GetTensorMutableData(value, &data), "an output cannot be read", problem))
        return false;
    memcpy(tensor->data, data, tensor->bytes);
    return true;
}

static void release_values(struct ort *ort, void **values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (values[i] != NULL)
            ort->api.ReleaseValue(values[i]);
    }
}

static bool run_with(struct ort *ort, struct options *options, void **inputs, void **outputs, struct problem *problem) {
    for (size_t i = 0; i < options->input_count; i++) {
        if (!wrap(ort, &options->inputs[i].tensor, &inputs[i], problem))
            return false;
    }
    if (!ort_good(ort,
                  ort->api.Run(ort->session, NULL, ort->input_names, (const void *const *)inputs, options->input_count,
                               ort->output_names, options->output_count, outputs),
                  "the model cannot be run", problem))
        return false;
    for (size_t i = 0; i < options->output_count; i++) {
        if (!copy_out(ort, outputs[i], &options->outputs[i].tensor, problem))
            return false;
    }
    return true;
}

static bool predict(void *state, struct options *options, struct problem *problem) {
    void *inputs[MAX_INPUTS] = {0};
    void *outputs[MAX_OUTPUTS] = {0};
    ((struct ort *)state)->profile.calls++;
    bool done = run_with(state, options, inputs, outputs, problem);
    release_values(state, inputs, options->input_count);
    release_values(state, outputs, options->output_count);
    return done;
}

/* Checks that the provider that was asked for took nodes. The block is then filed under it. */
static bool judge_assignment(const struct options *options, struct proof *proof, struct problem *problem) {
    const char *asked = ort_provider_name(options);
    for (size_t i = 0; i < proof->share_count; i++) {
        if (strcmp(proof->shares[i].name, asked) == 0 && proof->shares[i].nodes > 0) {
            proof->backend = options->backend;
            return true;
        }
    }
    return fail(problem, OUTCOME_UNSUPPORTED, "%s took none of the model's %ld nodes", asked, proof->graph_nodes);
}

/* Reads which execution provider got which nodes. The session recorded it when it divided the graph. */
static bool read_assignment(struct ort *ort, struct proof *proof, struct problem *problem) {
    const void *const *parts = NULL;
    size_t count = 0;
    const char *what = "the graph's assignment cannot be read";
    if (!ort_good(ort, ort->api.Session_GetEpGraphAssignmentInfo(ort->session, &parts, &count), what, problem))
        return false;
    proof->graph_nodes = 0;
    for (size_t i = 0; i < count; i++) {
        const char *provider = NULL;
        const void *const *nodes = NULL;
        size_t node_count = 0;
        if (!ort_good(ort, ort->api.EpAssignedSubgraph_GetEpName(parts[i], &provider), what, problem) ||
            !ort_good(ort, ort->api.EpAssignedSubgraph_GetNodes(parts[i], &nodes, &node_count), what, problem))
            return false;
        prove_share(proof, provider, (long)node_count);
        proof->graph_nodes += (long)node_count;
    }
    prove_note(proof, "nodes were read from the session's own record of its graph's division, before fusion; what a "
                      "provider does not take runs on CPUExecutionProvider");
    return judge_assignment(ort->asked, proof, problem);
}

static bool collect(void *state, struct kernels *kernels, struct problem *problem) {
    struct ort *ort = state;
    void *allocator = NULL;
    char *path = NULL;
    const char *what = "profiling cannot be ended";
    if (!ort_good(ort, ort->api.GetAllocatorWithDefaultOptions(&allocator), what, problem) ||
        !ort_good(ort, ort->api.SessionEndProfiling(ort->session, allocator, &path), what, problem))
        return false;
    bool read = ort_profile_read(&ort->profile, path, kernels, problem);
    return ort_good(ort, ort->api.AllocatorFree(allocator, path), what, problem) && read;
}

static void prove_options(const struct ort *ort, struct proof *proof) {
    const struct ort_profile *profile = &ort->profile;
    if (ort->asked->cache != NULL && !ort_provider_caches(ort->asked))
        prove_note(proof, "the cache was not used, because %s stores nothing between processes",
                   ort_provider_name(ort->asked));
    if (profile->prefix[0] != '\0' && profile->calls_found < profile->calls)
        prove_note(proof,
                   "ONNX Runtime's profile has %ld of %ld predictions, because it holds at most a million events",
                   profile->calls_found > 0 ? profile->calls_found - 1 : 0, profile->calls - 1);
}

static bool prove(void *state, struct proof *proof, struct problem *problem) {
    struct ort *ort = state;
    file_of(*(void *const *)&ort->base->get_api, &proof->library);
    prove_options(ort, proof);
    if (ort->api.Session_GetEpGraphAssignmentInfo == NULL) {
        prove_note(proof, "ONNX Runtime before 1.%d does not report which nodes its providers took",
                   ORT_ASSIGNMENT_VERSION);
        return true;
    }
    return read_assignment(ort, proof, problem);
}

static const char *version(void *state) {
    const struct ort *ort = state;
    return ort->base->get_version();
}

static void close_session(void *state) {
    struct ort *ort = state;
    if (ort->memory != NULL)
        ort->api.ReleaseMemoryInfo(ort->memory);
    if (ort->session != NULL)
        ort->api.ReleaseSession(ort->session);
    if (ort->session_options != NULL)
        ort->api.ReleaseSessionOptions(ort->session_options);
    if (ort->environment != NULL)
        ort->api.ReleaseEnv(ort->environment);
    ort_profile_remove(&ort->profile);
    free(ort);
}

static const struct backend backends[] = {
    {.name = "cpu"},
    {.name = "xnnpack"},
    {.name = "nnapi", .arithmetics = {"fp32", "fp16"}},
    {.name = "qnn", .arithmetics = {"fp32", "fp16"}},
    {.name = "webgpu"},
    {.name = "cuda", .arithmetics = {"fp32", "tf32"}},
    {.name = "dml"},
    {.name = "openvino"},
};

const struct engine engine_onnxruntime = {
    .name = "onnxruntime",
    .backends = backends,
    .backend_count = sizeof backends / sizeof *backends,
    .loads_files = true,
    .load = load,
    .try_delegate = try_provider,
    .open = open_session,
    .ready = ready,
    .predict = predict,
    .collect = collect,
    .prove = prove,
    .version = version,
    .close = close_session,
};
