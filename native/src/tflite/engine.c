/* TensorFlow Lite through its C API. Delegates are only added explicitly: the backend and --delegate name them. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "tflite/delegates.h"
#include "tflite/tflite.h"

static void listen(void *user, const char *format, va_list arguments) {
    struct tflite *tflite = user;
    if (tflite->complaint[0] == '\0')
        vsnprintf(tflite->complaint, sizeof tflite->complaint, format, arguments);
}

bool tflite_is(const struct tflite *tflite, const char *release) {
    const char *version = tflite->api.TfLiteVersion();
    return version != NULL && strcmp(version, release) == 0;
}

bool tflite_refuse(const struct tflite *tflite, enum outcome otherwise, const char *what, struct problem *problem) {
    bool lacks_operator = strstr(tflite->complaint, "Didn't find op") != NULL ||
                          strstr(tflite->complaint, "Encountered unresolved custom op") != NULL;
    return fail(problem, lacks_operator ? OUTCOME_UNSUPPORTED : otherwise, "%s: %s", what,
                tflite->complaint[0] == '\0' ? "TensorFlow Lite gave no reason" : tflite->complaint);
}

static bool refuse(const struct tflite *tflite, const char *what, struct problem *problem) {
    return tflite_refuse(tflite, OUTCOME_ERROR, what, problem);
}

static bool find_functions(struct tflite_api *api, void *library, struct problem *problem) {
#define FIND(name, result, parameters) *(void **)&api->name = dlsym(library, #name);
    TFLITE_REQUIRED(FIND)
    TFLITE_OPTIONAL(FIND)
    TFLITE_PLAN(FIND)
    TFLITE_OPERATOR(FIND)
#undef FIND
#define INSIST(name, result, parameters)                                                                               \
    if (api->name == NULL)                                                                                             \
        return fail(problem, OUTCOME_UNSUPPORTED, "the library is not TensorFlow Lite with its C API: it lacks " #name);
    TFLITE_REQUIRED(INSIST)
#undef INSIST
    return true;
}

static bool load(const struct options *options, void **state, struct problem *problem) {
    void *library = NULL;
    if (!fp16_permitted(options, problem) || !open_library(options->library, "the engine's", &library, problem))
        return false;
    struct tflite *tflite = calloc(1, sizeof *tflite);
    if (tflite == NULL)
        return fail(problem, OUTCOME_ERROR, "no memory");
    tflite->library = library;
    tflite->asked = options;
    *state = tflite;
    return find_functions(&tflite->api, library, problem);
}

/* The telemetry profiler is the C API's only access to operator times, and its layout may change between versions. */
static bool watch(struct tflite *tflite, struct problem *problem) {
    if (!tflite_is(tflite, "2.20.0") && !tflite_is(tflite, "2.16.1"))
        return fail(problem, OUTCOME_UNSUPPORTED,
                    "the times of operators can be read from TensorFlow Lite 2.16.1 and 2.20.0, but this is %s",
                    tflite->api.TfLiteVersion());
    if (tflite->api.TfLiteInterpreterOptionsSetTelemetryProfiler == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED,
                    "this build of TensorFlow Lite does not report the times of operators: it lacks "
                    "TfLiteInterpreterOptionsSetTelemetryProfiler");
    tflite_profile_begin(&tflite->profile);
    tflite->api.TfLiteInterpreterOptionsSetTelemetryProfiler(tflite->options, &tflite->profile.profiler);
    return true;
}

/* Names the model by its size and samples of its content. Hashing all of it would cost as much time as a cache saves.
 */
static void name_model(struct tflite *tflite, const struct file *model) {
    enum { PIECES = 4096, PIECE = 64 };
    const unsigned char *bytes = model->data;
    size_t stride = model->bytes > PIECES * PIECE ? model->bytes / PIECES : PIECE;
    uint64_t hash = 14695981039346656037ULL;
    for (size_t start = 0; start < model->bytes; start += stride) {
        size_t end = model->bytes - start > PIECE ? start + PIECE : model->bytes;
        for (size_t at = start; at < end; at++)
            hash = (hash ^ bytes[at]) * 1099511628211ULL;
    }
    snprintf(tflite->token, sizeof tflite->token, "%llx-%016llx", (unsigned long long)model->bytes,
             (unsigned long long)hash);
}

static bool has_shape(const struct tflite *tflite, const void *found, const struct tensor *asked) {
    if ((size_t)tflite->api.TfLiteTensorNumDims(found) != asked->rank)
        return false;
    for (size_t axis = 0; axis < asked->rank; axis++) {
        if (tflite->api.TfLiteTensorDim(found, (int32_t)axis) != asked->dims[axis])
            return false;
    }
    return true;
}

/* Resizes an input whose size the file leaves open. Operators that cannot take that size fail when tensors are
 * allocated. */
static bool resize(struct tflite *tflite, const struct tensor *asked, struct problem *problem) {
    int dims[MAX_RANK];
    for (size_t axis = 0; axis < asked->rank; axis++)
        dims[axis] = (int)asked->dims[axis];
    if (tflite->api.TfLiteInterpreterResizeInputTensor == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "this build of TensorFlow Lite cannot give inputs another shape");
    int32_t count = tflite->api.TfLiteInterpreterGetInputTensorCount(tflite->interpreter);
    for (int32_t i = 0; i < count; i++) {
        const void *found = tflite->api.TfLiteInterpreterGetInputTensor(tflite->interpreter, i);
        if (strcmp(tflite->api.TfLiteTensorName(found), asked->name) == 0 &&
            tflite->api.TfLiteInterpreterResizeInputTensor(tflite->interpreter, i, dims, (int32_t)asked->rank) !=
                TFLITE_OK)
            return refuse(tflite, "an input cannot be given its shape", problem);
    }
    return true;
}

static bool open_session(void *state, const struct options *options, const struct file *model,
                         struct problem *problem) {
    struct tflite *tflite = state;
    tflite->model = tflite->api.TfLiteModelCreateWithErrorReporter(model->data, model->bytes, listen, tflite);
    if (tflite->model == NULL)
        return refuse(tflite, "the model cannot be read", problem);
    tflite->options = tflite->api.TfLiteInterpreterOptionsCreate();
    if (tflite->options == NULL)
        return refuse(tflite, "no interpreter options", problem);
    tflite->api.TfLiteInterpreterOptionsSetNumThreads(tflite->options, options->threads);
    tflite->api.TfLiteInterpreterOptionsSetErrorReporter(tflite->options, listen, tflite);
    if (options->pass == PASS_KERNELS && !watch(tflite, problem))
        return false;
    if (options->cache != NULL)
        name_model(tflite, model);
    tflite->interpreter = tflite->api.TfLiteInterpreterCreate(tflite->model, tflite->options);
    if (tflite->interpreter == NULL)
        return refuse(tflite, "the model cannot be opened", problem);
    for (size_t i = 0; i < options->input_count; i++) {
        if (options->inputs[i].open && !resize(tflite, &options->inputs[i].tensor, problem))
            return false;
    }
    return true;
}

static bool try_delegate(void *state, const struct options *options, struct problem *problem) {
    return tflite_delegate_make(state, options, problem);
}

static bool delegate(void *state, const struct options *options, struct problem *problem) {
    struct tflite *tflite = state;
    if (!tflite_delegate_make(tflite, options, problem))
        return false;
    if (tflite->delegate == NULL ||
        tflite->api.TfLiteInterpreterModifyGraphWithDelegate(tflite->interpreter, tflite->delegate) == TFLITE_OK)
        return true;
    char what[64];
    snprintf(what, sizeof what, "%s did not take the model", tflite_delegate_title(options));
    bool anywhere = options->delegate != NULL && computes_in(options, "fp32");
    return tflite_refuse(tflite, anywhere ? OUTCOME_ERROR : OUTCOME_UNSUPPORTED, what, problem);
}

static bool dtype_of(int type, enum dtype *dtype) {
    static const struct {
        int type;
        enum dtype dtype;
    } known[] = {{1, DTYPE_FLOAT32}, {2, DTYPE_INT32}, {3, DTYPE_UINT8},
                 {4, DTYPE_INT64},   {6, DTYPE_BOOL},  {9, DTYPE_INT8}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].type == type) {
            *dtype = known[i].dtype;
            return true;
        }
    }
    return false;
}

static bool fits(const struct tflite *tflite, const void *found, const struct tensor *asked, struct problem *problem) {
    enum dtype dtype = DTYPE_FLOAT32;
    if (!dtype_of(tflite->api.TfLiteTensorType(found), &dtype) || dtype != asked->dtype)
        return fail(problem, OUTCOME_ERROR, "input `%s` of the model is not %s", asked->name, dtype_name(asked->dtype));
    bool same = has_shape(tflite, found, asked) && tflite->api.TfLiteTensorByteSize(found) == asked->bytes;
    return same ||
           fail(problem, OUTCOME_ERROR, "input `%s` of the model has another shape than requested", asked->name);
}

static bool find_input(struct tflite *tflite, const struct tensor *asked, int32_t *place, struct problem *problem) {
    int32_t count = tflite->api.TfLiteInterpreterGetInputTensorCount(tflite->interpreter);
    for (*place = 0; *place < count; (*place)++) {
        const void *found = tflite->api.TfLiteInterpreterGetInputTensor(tflite->interpreter, *place);
        if (strcmp(tflite->api.TfLiteTensorName(found), asked->name) == 0)
            return fits(tflite, found, asked, problem);
    }
    return fail(problem, OUTCOME_ERROR, "the model has no input `%s`", asked->name);
}

static bool find_output(struct tflite *tflite, const char *name, int32_t *place, struct problem *problem) {
    int32_t count = tflite->api.TfLiteInterpreterGetOutputTensorCount(tflite->interpreter);
    for (*place = 0; *place < count; (*place)++) {
        const void *found = tflite->api.TfLiteInterpreterGetOutputTensor(tflite->interpreter, *place);
        if (strcmp(tflite->api.TfLiteTensorName(found), name) == 0)
            return true;
    }
    return fail(problem, OUTCOME_ERROR, "the model has no output `%s`", name);
}

static bool ready(void *state, struct options *options, struct problem *problem) {
    struct tflite *tflite = state;
    if (tflite->api.TfLiteInterpreterAllocateTensors(tflite->interpreter) != TFLITE_OK) {
        /* XNNPACK takes nodes first, and only here finds that it cannot compute them in float16. */
        bool cannot = options->allow_fp16 && strstr(tflite->complaint, "failed to create XNNPACK runtime") != NULL;
        return tflite_refuse(tflite, cannot ? OUTCOME_UNSUPPORTED : OUTCOME_ERROR,
                             cannot ? "XNNPACK cannot compute this model in float16"
                                    : "the model's tensors cannot be allocated",
                             problem);
    }
    int32_t count = tflite->api.TfLiteInterpreterGetInputTensorCount(tflite->interpreter);
    if ((size_t)count != options->input_count)
        return fail(problem, OUTCOME_ERROR, "the model has %d inputs, but %zu were given", (int)count,
                    options->input_count);
    for (size_t i = 0; i < options->input_count; i++) {
        if (!find_input(tflite, &options->inputs[i].tensor, &tflite->inputs[i], problem))
            return false;
        for (size_t other = 0; other < i; other++) {
            if (tflite->inputs[other] == tflite->inputs[i])
                return fail(problem, OUTCOME_UNSUPPORTED,
                            "several inputs of the model are called `%s`: one of them would never be filled",
                            options->inputs[i].tensor.name);
        }
    }
    for (size_t i = 0; i < options->output_count; i++) {
        if (!find_output(tflite, options->outputs[i].tensor.name, &tflite->outputs[i], problem))
            return false;
    }
    return true;
}

static bool copy_out(struct tflite *tflite, const void *found, struct tensor *tensor, struct problem *problem) {
    enum dtype dtype = DTYPE_FLOAT32;
    int64_t dims[MAX_RANK];
    size_t rank = (size_t)tflite->api.TfLiteTensorNumDims(found);
    if (!dtype_of(tflite->api.TfLiteTensorType(found), &dtype) || rank > MAX_RANK)
        return fail(problem, OUTCOME_ERROR, "output `%s` has a number format or shape that is not handled",
                    tensor->name);
    for (size_t axis = 0; axis < rank; axis++)
        dims[axis] = tflite->api.TfLiteTensorDim(found, (int32_t)axis);
    if (!tensor_shape(tensor, dtype, dims, rank, problem))
        return false;
    if (tflite->api.TfLiteTensorCopyToBuffer(found, tensor->data, tensor->bytes) != TFLITE_OK)
        return refuse(tflite, "an output cannot be read", problem);
    return true;
}

static bool predict(void *state, struct options *options, struct problem *problem) {
    struct tflite *tflite = state;
    tflite_profile_next(&tflite->profile);
    for (size_t i = 0; i < options->input_count; i++) {
        const struct tensor *tensor = &options->inputs[i].tensor;
        void *input = tflite->api.TfLiteInterpreterGetInputTensor(tflite->interpreter, tflite->inputs[i]);
        if (tflite->api.TfLiteTensorCopyFromBuffer(input, tensor->data, tensor->bytes) != TFLITE_OK)
            return refuse(tflite, "an input cannot be written", problem);
    }
    if (tflite->api.TfLiteInterpreterInvoke(tflite->interpreter) != TFLITE_OK)
        return refuse(tflite, "the model cannot be run", problem);
    for (size_t i = 0; i < options->output_count; i++) {
        const void *output = tflite->api.TfLiteInterpreterGetOutputTensor(tflite->interpreter, tflite->outputs[i]);
        if (!copy_out(tflite, output, &options->outputs[i].tensor, problem))
            return false;
    }
    return true;
}

static void read_plan(struct tflite *tflite) {
    if (tflite->plan.observer == NULL)
        tflite_plan_read(&tflite->plan, &tflite->api, tflite->interpreter);
}

static bool collect(void *state, struct kernels *kernels, struct problem *problem) {
    struct tflite *tflite = state;
    read_plan(tflite);
    if (!tflite->plan.read)
        return fail(problem, OUTCOME_UNSUPPORTED,
                    "this library does not show its execution plan: whose its operators' times are is not known");
    tflite_profile_end(&tflite->profile, &tflite->plan, kernels);
    return !kernels->failed || fail(problem, OUTCOME_ERROR, "the operators' times do not fit into memory");
}

/* Checks that the delegate that was asked for took nodes, or that no delegate did where none was asked for. */
static bool check_plan(const struct tflite_plan *plan, const struct options *options, struct problem *problem) {
    const char *mark = tflite_delegate_mark(options);
    if (mark == NULL)
        return plan->part_count == 0 ||
               fail(problem, OUTCOME_UNSUPPORTED,
                    "this build of TensorFlow Lite adds %s by itself: its own kernels cannot be measured alone",
                    plan->shares[0].name);
    for (size_t i = 0; i < plan->share_count; i++) {
        if (strstr(plan->shares[i].name, mark) != NULL)
            return true;
    }
    return fail(problem, OUTCOME_UNSUPPORTED, "%s took none of the model's %ld nodes", tflite_delegate_title(options),
                plan->nodes);
}

static bool prove(void *state, struct proof *proof, struct problem *problem) {
    struct tflite *tflite = state;
    const struct options *options = tflite->asked;
    file_of(*(void **)&tflite->api.TfLiteVersion, &proof->library);
    tflite_delegate_prove(tflite, options, proof);
    read_plan(tflite);
    const struct tflite_plan *plan = &tflite->plan;
    if (!plan->read) {
        prove_note(proof, "this library does not show its execution plan: delegated nodes are unknown");
        return true;
    }
    if (!check_plan(plan, options, problem))
        return false;
    if (tflite->profile.parts_untimed > 0)
        prove_note(proof, "%d delegated part(s) reported no times, and are not in the sum of the kernels",
                   tflite->profile.parts_untimed);
    proof->backend = options->backend;
    proof->graph_nodes = plan->nodes;
    memcpy(proof->shares, plan->shares, sizeof proof->shares);
    proof->share_count = plan->share_count;
    prove_note(proof,
               "nodes were read from the measured interpreter's execution plan after the last prediction; "
               "%ld of %ld ran on TensorFlow Lite's own kernels",
               plan->left, plan->nodes);
    return true;
}

static const char *version(void *state) {
    struct tflite *tflite = state;
    return tflite->api.TfLiteVersion == NULL ? NULL : tflite->api.TfLiteVersion();
}

static void close_session(void *state) {
    struct tflite *tflite = state;
    if (tflite->interpreter != NULL)
        tflite->api.TfLiteInterpreterDelete(tflite->interpreter);
    if (tflite->plan.observer != NULL)
        tflite->api.TfLiteOpaqueDelegateDelete(tflite->plan.observer);
    if (tflite->type_observer != NULL)
        tflite->api.TfLiteOpaqueDelegateDelete(tflite->type_observer);
    if (tflite->delegate != NULL)
        tflite->delete_delegate(tflite->delegate);
    if (tflite->options != NULL)
        tflite->api.TfLiteInterpreterOptionsDelete(tflite->options);
    if (tflite->model != NULL)
        tflite->api.TfLiteModelDelete(tflite->model);
    tflite_plan_free(&tflite->plan);
    tflite_profile_free(&tflite->profile);
    free(tflite);
}

static const struct backend backends[] = {
    {.name = "cpu", .delegates = {"xnnpack", "none"}, .arithmetics = {"fp32", "fp16"}},
    {.name = "gpu", .arithmetics = {"fp32", "fp16"}},
    {.name = "nnapi", .arithmetics = {"fp32", "fp16"}},
};

const struct engine engine_tflite = {
    .name = "tflite",
    .backends = backends,
    .backend_count = sizeof backends / sizeof *backends,
    .loads_files = true,
    .load = load,
    .try_delegate = try_delegate,
    .open = open_session,
    .delegate = delegate,
    .ready = ready,
    .predict = predict,
    .collect = collect,
    .prove = prove,
    .version = version,
    .close = close_session,
};
