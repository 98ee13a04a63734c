/* ONNX Runtime through its C API: one table of functions, whose order never changes once a version is published.
 *
 * Only the positions that are needed stand here (functions are appended, never moved). The first 275 or so exist in
 * every version since 1.16; those of the graph assignment since 1.24.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define BASE_VERSION 16
#define ASSIGNMENT_VERSION 24

#define LOG_ERROR 3
#define SEQUENTIAL 0
#define ALL_OPTIMISATIONS 99
#define DEVICE_ALLOCATOR 0
#define DEFAULT_MEMORY 0
#define NOT_IMPLEMENTED 9

/* F(name, position, result, parameters); a result of `void *` is a status, NULL when all is well. */
#define FUNCTIONS(F)                                                                                                   \
    F(GetErrorCode, 1, int, (const void *))                                                                            \
    F(GetErrorMessage, 2, const char *, (const void *))                                                                \
    F(CreateEnv, 3, void *, (int, const char *, void **))                                                              \
    F(DisableTelemetryEvents, 6, void *, (const void *))                                                               \
    F(CreateSessionFromArray, 8, void *, (const void *, const void *, size_t, const void *, void **))                  \
    F(Run, 9, void *,                                                                                                  \
      (void *, const void *, const char *const *, const void *const *, size_t, const char *const *, size_t, void **))  \
    F(CreateSessionOptions, 10, void *, (void **))                                                                     \
    F(SetSessionExecutionMode, 13, void *, (void *, int))                                                              \
    F(SetSessionGraphOptimizationLevel, 23, void *, (void *, int))                                                     \
    F(SetIntraOpNumThreads, 24, void *, (void *, int))                                                                 \
    F(SetInterOpNumThreads, 25, void *, (void *, int))                                                                 \
    F(SessionGetInputCount, 30, void *, (const void *, size_t *))                                                      \
    F(CreateTensorWithDataAsOrtValue, 49, void *,                                                                      \
      (const void *, void *, size_t, const int64_t *, size_t, int, void **))                                           \
    F(GetTensorMutableData, 51, void *, (void *, void **))                                                             \
    F(GetTensorElementType, 60, void *, (const void *, int *))                                                         \
    F(GetDimensionsCount, 61, void *, (const void *, size_t *))                                                        \
    F(GetDimensions, 62, void *, (const void *, int64_t *, size_t))                                                    \
    F(GetTensorTypeAndShape, 65, void *, (const void *, void **))                                                      \
    F(CreateCpuMemoryInfo, 69, void *, (int, int, void **))                                                            \
    F(ReleaseEnv, 92, void, (void *))                                                                                  \
    F(ReleaseStatus, 93, void, (void *))                                                                               \
    F(ReleaseMemoryInfo, 94, void, (void *))                                                                           \
    F(ReleaseSession, 95, void, (void *))                                                                              \
    F(ReleaseValue, 96, void, (void *))                                                                                \
    F(ReleaseTensorTypeAndShapeInfo, 99, void, (void *))                                                               \
    F(ReleaseSessionOptions, 100, void, (void *))                                                                      \
    F(AddSessionConfigEntry, 130, void *, (void *, const char *, const char *))

/* Only looked at when the library knows ASSIGNMENT_VERSION. */
#define ASSIGNMENT(F)                                                                                                  \
    F(Session_GetEpGraphAssignmentInfo, 407, void *, (const void *, const void *const **, size_t *))                   \
    F(EpAssignedSubgraph_GetEpName, 408, void *, (const void *, const char **))                                        \
    F(EpAssignedSubgraph_GetNodes, 409, void *, (const void *, const void *const **, size_t *))

struct api_base {
    void *const *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

#define MEMBER(name, position, result, parameters) result(*name) parameters;

struct ort {
    const struct api_base *base;
    FUNCTIONS(MEMBER)
    ASSIGNMENT(MEMBER)
    void *environment;
    void *session_options;
    void *session;
    void *memory;
    const char *input_names[MAX_INPUTS];
    const char *output_names[MAX_OUTPUTS];
};

static bool good(const struct ort *ort, void *status, const char *what, struct problem *problem) {
    if (status == NULL)
        return true;
    enum outcome outcome = ort->GetErrorCode(status) == NOT_IMPLEMENTED ? OUTCOME_UNSUPPORTED : OUTCOME_ERROR;
    fail(problem, outcome, "%s: %s", what, ort->GetErrorMessage(status));
    ort->ReleaseStatus(status);
    return false;
}

static bool find_functions(struct ort *ort, struct problem *problem) {
    void *const *newer = ort->base->get_api(ASSIGNMENT_VERSION);
    void *const *table = newer != NULL ? newer : ort->base->get_api(BASE_VERSION);
    if (table == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "ONNX Runtime %s is older than 1.%d", ort->base->get_version(),
                    BASE_VERSION);
#define FIND(name, position, result, parameters) *(void **)&ort->name = table[position];
    FUNCTIONS(FIND)
    if (newer != NULL) {
        ASSIGNMENT(FIND)
    }
#undef FIND
    return true;
}

static bool load(const struct options *options, void **state, struct problem *problem) {
    void *library = NULL;
    const struct api_base *(*get_base)(void) = NULL;
    if (!open_library(options->library, &library, problem))
        return false;
    *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    if (get_base == NULL)
        return fail(problem, OUTCOME_ERROR, "the library is not ONNX Runtime: it lacks OrtGetApiBase");
    struct ort *ort = calloc(1, sizeof *ort);
    if (ort == NULL)
        return fail(problem, OUTCOME_ERROR, "no memory");
    *state = ort;
    ort->base = get_base();
    return find_functions(ort, problem) &&
           good(ort, ort->CreateEnv(LOG_ERROR, "mobilebench", &ort->environment), "no environment", problem) &&
           good(ort, ort->DisableTelemetryEvents(ort->environment), "telemetry cannot be turned off", problem);
}

static bool configure(struct ort *ort, int threads, struct problem *problem) {
    const char *what = "the session cannot be configured";
    return good(ort, ort->CreateSessionOptions(&ort->session_options), what, problem) &&
           good(ort, ort->SetIntraOpNumThreads(ort->session_options, threads), what, problem) &&
           good(ort, ort->SetInterOpNumThreads(ort->session_options, 1), what, problem) &&
           good(ort, ort->SetSessionExecutionMode(ort->session_options, SEQUENTIAL), what, problem) &&
           good(ort, ort->SetSessionGraphOptimizationLevel(ort->session_options, ALL_OPTIMISATIONS), what, problem) &&
           good(ort, ort->AddSessionConfigEntry(ort->session_options, "session.record_ep_graph_assignment_info", "1"),
                what, problem);
}

static bool open_session(void *state, const struct options *options, const struct file *model,
                         struct problem *problem) {
    struct ort *ort = state;
    return configure(ort, options->threads, problem) &&
           good(ort,
                ort->CreateSessionFromArray(ort->environment, model->data, model->bytes, ort->session_options,
                                            &ort->session),
                "the model cannot be opened", problem);
}

static bool ready(void *state, struct options *options, struct problem *problem) {
    struct ort *ort = state;
    size_t inputs = 0;
    if (!good(ort, ort->SessionGetInputCount(ort->session, &inputs), "the inputs cannot be counted", problem))
        return false;
    if (inputs != options->input_count)
        return fail(problem, OUTCOME_ERROR, "the model has %zu inputs, but %zu were given", inputs,
                    options->input_count);
    for (size_t i = 0; i < options->input_count; i++)
        ort->input_names[i] = options->inputs[i].tensor.name;
    for (size_t i = 0; i < options->output_count; i++)
        ort->output_names[i] = options->outputs[i].tensor.name;
    return good(ort, ort->CreateCpuMemoryInfo(DEVICE_ALLOCATOR, DEFAULT_MEMORY, &ort->memory), "no memory", problem);
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
    return good(ort,
                ort->CreateTensorWithDataAsOrtValue(ort->memory, tensor->data, tensor->bytes, tensor->dims,
                                                    tensor->rank, type_of(tensor->dtype), value),
                "an input cannot be made", problem);
}

static bool shape_as(struct ort *ort, const void *facts, struct tensor *tensor, struct problem *problem) {
    int type = 0;
    size_t rank = 0;
    int64_t dims[MAX_RANK];
    enum dtype dtype = DTYPE_FLOAT32;
    const char *what = "an output cannot be described";
    if (!good(ort, ort->GetTensorElementType(facts, &type), what, problem) ||
        !good(ort, ort->GetDimensionsCount(facts, &rank), what, problem))
        return false;
    if (!dtype_of(type, &dtype) || rank > MAX_RANK)
        return fail(problem, OUTCOME_ERROR, "output `%s` has a number format or shape that is not handled",
                    tensor->name);
    return good(ort, ort->GetDimensions(facts, dims, rank), what, problem) &&
           tensor_shape(tensor, dtype, dims, rank, problem);
}

static bool copy_out(struct ort *ort, void *value, struct tensor *tensor, struct problem *problem) {
    void *facts = NULL;
    void *data = NULL;
    if (!good(ort, ort->GetTensorTypeAndShape(value, &facts), "an output cannot be described", problem))
        return false;
    bool shaped = shape_as(ort, facts, tensor, problem);
    ort->ReleaseTensorTypeAndShapeInfo(facts);
    if (!shaped || !good(ort, ort->GetTensorMutableData(value, &data), "an output cannot be read", problem))
        return false;
    memcpy(tensor->data, data, tensor->bytes);
    return true;
}

static void release_values(struct ort *ort, void **values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (values[i] != NULL)
            ort->ReleaseValue(values[i]);
    }
}

static bool run_with(struct ort *ort, struct options *options, void **inputs, void **outputs, struct problem *problem) {
    for (size_t i = 0; i < options->input_count; i++) {
        if (!wrap(ort, &options->inputs[i].tensor, &inputs[i], problem))
            return false;
    }
    if (!good(ort,
              ort->Run(ort->session, NULL, ort->input_names, (const void *const *)inputs, options->input_count,
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
    bool done = run_with(state, options, inputs, outputs, problem);
    release_values(state, inputs, options->input_count);
    release_values(state, outputs, options->output_count);
    return done;
}

/* Which execution provider got which nodes, as the session recorded it when it divided the graph. */
static bool read_assignment(struct ort *ort, struct proof *proof, struct problem *problem) {
    const void *const *parts = NULL;
    size_t count = 0;
    const char *what = "the graph's assignment cannot be read";
    if (!good(ort, ort->Session_GetEpGraphAssignmentInfo(ort->session, &parts, &count), what, problem))
        return false;
    proof->graph_nodes = 0;
    for (size_t i = 0; i < count; i++) {
        const char *provider = NULL;
        const void *const *nodes = NULL;
        size_t node_count = 0;
        if (!good(ort, ort->EpAssignedSubgraph_GetEpName(parts[i], &provider), what, problem) ||
            !good(ort, ort->EpAssignedSubgraph_GetNodes(parts[i], &nodes, &node_count), what, problem))
            return false;
        prove_share(proof, provider, (long)node_count);
        proof->graph_nodes += (long)node_count;
    }
    bool only_cpu = proof->share_count == 1 && strcmp(proof->shares[0].name, "CPUExecutionProvider") == 0;
    proof->backend = only_cpu ? "cpu" : NULL;
    prove_note(proof, "nodes were read from the session's own record of its graph's division, before fusion");
    return true;
}

static bool prove(void *state, struct proof *proof, struct problem *problem) {
    struct ort *ort = state;
    file_of(*(void *const *)&ort->base->get_api, &proof->library);
    if (ort->Session_GetEpGraphAssignmentInfo == NULL) {
        prove_note(proof, "ONNX Runtime before 1.%d does not tell which nodes its providers took", ASSIGNMENT_VERSION);
        return true;
    }
    return read_assignment(ort, proof, problem);
}

static const char *version(void *state) {
    return ((struct ort *)state)->base->get_version();
}

static void close_session(void *state) {
    struct ort *ort = state;
    if (ort->memory != NULL)
        ort->ReleaseMemoryInfo(ort->memory);
    if (ort->session != NULL)
        ort->ReleaseSession(ort->session);
    if (ort->session_options != NULL)
        ort->ReleaseSessionOptions(ort->session_options);
    if (ort->environment != NULL)
        ort->ReleaseEnv(ort->environment);
    free(ort);
}

static const struct backend backends[] = {{"cpu", {"default"}}};

const struct engine engine_onnxruntime = {
    .name = "onnxruntime",
    .backends = backends,
    .backend_count = sizeof backends / sizeof *backends,
    .loads_files = true,
    .load = load,
    .open = open_session,
    .ready = ready,
    .predict = predict,
    .prove = prove,
    .version = version,
    .close = close_session,
};
