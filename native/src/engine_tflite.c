/* TensorFlow Lite through its C API, always with the XNNPACK delegate, added explicitly.
 *
 * Only what is needed of the API is declared here; handles are opaque. The options of XNNPACK begin with the number
 * of threads in every version, and are returned through memory, so a larger struct takes any version's.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define STATUS_OK 0
#define BUILTIN_DELEGATE 51
#define ALLOW_DYNAMIC_TENSORS 1

struct xnnpack_options {
    int32_t num_threads;
    char rest[508];
};

struct int_array {
    int size;
    int data[];
};

/* A delegate as the C API lets a program write one; this one only looks. */
struct delegate_builder {
    void *data;
    int (*prepare)(void *context, void *delegate, void *data);
    int (*copy_from)(void *context, void *delegate, void *data, int handle, void *tensor);
    int (*copy_to)(void *context, void *delegate, void *data, int handle, void *tensor);
    void (*free_handle)(void *context, void *delegate, void *data, int *handle);
    int64_t flags;
};

typedef void (*reporter_function)(void *user, const char *format, va_list arguments);

#define REQUIRED(F)                                                                                                    \
    F(TfLiteVersion, const char *, (void))                                                                             \
    F(TfLiteModelCreateWithErrorReporter, void *, (const void *, size_t, reporter_function, void *))                   \
    F(TfLiteModelDelete, void, (void *))                                                                               \
    F(TfLiteInterpreterOptionsCreate, void *, (void))                                                                  \
    F(TfLiteInterpreterOptionsDelete, void, (void *))                                                                  \
    F(TfLiteInterpreterOptionsSetNumThreads, void, (void *, int32_t))                                                  \
    F(TfLiteInterpreterOptionsSetErrorReporter, void, (void *, reporter_function, void *))                             \
    F(TfLiteInterpreterCreate, void *, (const void *, const void *))                                                   \
    F(TfLiteInterpreterDelete, void, (void *))                                                                         \
    F(TfLiteInterpreterModifyGraphWithDelegate, int, (const void *, void *))                                           \
    F(TfLiteInterpreterAllocateTensors, int, (void *))                                                                 \
    F(TfLiteInterpreterInvoke, int, (void *))                                                                          \
    F(TfLiteInterpreterGetInputTensorCount, int32_t, (const void *))                                                   \
    F(TfLiteInterpreterGetInputTensor, void *, (const void *, int32_t))                                                \
    F(TfLiteInterpreterGetOutputTensorCount, int32_t, (const void *))                                                  \
    F(TfLiteInterpreterGetOutputTensor, const void *, (const void *, int32_t))                                         \
    F(TfLiteTensorName, const char *, (const void *))                                                                  \
    F(TfLiteTensorType, int, (const void *))                                                                           \
    F(TfLiteTensorNumDims, int32_t, (const void *))                                                                    \
    F(TfLiteTensorDim, int32_t, (const void *, int32_t))                                                               \
    F(TfLiteTensorByteSize, size_t, (const void *))                                                                    \
    F(TfLiteTensorCopyFromBuffer, int, (void *, const void *, size_t))                                                 \
    F(TfLiteTensorCopyToBuffer, int, (const void *, void *, size_t))

#define XNNPACK(F)                                                                                                     \
    F(TfLiteXNNPackDelegateOptionsDefault, struct xnnpack_options, (void))                                             \
    F(TfLiteXNNPackDelegateCreate, void *, (const struct xnnpack_options *))                                           \
    F(TfLiteXNNPackDelegateDelete, void, (void *))

/* A library without them is measured all the same: inputs keep the shapes that the file has, and what could not be
 * read for the proof stays unknown. */
#define OPTIONAL(F)                                                                                                    \
    F(TfLiteInterpreterResizeInputTensor, int, (void *, int32_t, const int *, int32_t))                                \
    F(TfLiteXNNPackDelegateGetThreadPool, void *, (void *))                                                            \
    F(pthreadpool_get_threads_count, size_t, (void *))                                                                 \
    F(TfLiteOpaqueDelegateCreate, void *, (const struct delegate_builder *))                                           \
    F(TfLiteOpaqueDelegateDelete, void, (void *))                                                                      \
    F(TfLiteOpaqueContextGetNumNodes, int, (const void *))                                                             \
    F(TfLiteOpaqueContextGetExecutionPlan, int, (void *, struct int_array **))                                         \
    F(TfLiteOpaqueContextGetNodeAndRegistration, int, (void *, int, void **, void **))                                 \
    F(TfLiteOperatorGetBuiltInCode, int, (const void *))                                                               \
    F(TfLiteOperatorGetCustomName, const char *, (const void *))                                                       \
    F(TfLiteRegistrationExternalGetBuiltInCode, int, (const void *))                                                   \
    F(TfLiteRegistrationExternalGetCustomName, const char *, (const void *))

#define MEMBER(name, result, parameters) result(*name) parameters;

struct tflite {
    REQUIRED(MEMBER)
    XNNPACK(MEMBER)
    OPTIONAL(MEMBER)
    void *model;
    void *options;
    void *interpreter;
    void *xnnpack;
    void *observer;
    int threads;
    void *inputs[MAX_INPUTS];
    const void *outputs[MAX_OUTPUTS];
    /* The engine's first complaint; later ones follow from it. */
    char complaint[768];
};

static void listen(void *user, const char *format, va_list arguments) {
    struct tflite *tflite = user;
    if (tflite->complaint[0] == '\0')
        vsnprintf(tflite->complaint, sizeof tflite->complaint, format, arguments);
}

/* An operator that this library does not have makes the case unsupported; everything else is an error. */
static bool refuse(const struct tflite *tflite, const char *what, struct problem *problem) {
    bool lacks_operator = strstr(tflite->complaint, "Didn't find op") != NULL ||
                          strstr(tflite->complaint, "Encountered unresolved custom op") != NULL;
    return fail(problem, lacks_operator ? OUTCOME_UNSUPPORTED : OUTCOME_ERROR, "%s: %s", what,
                tflite->complaint[0] == '\0' ? "TensorFlow Lite gave no reason" : tflite->complaint);
}

static bool find_functions(struct tflite *tflite, void *library, struct problem *problem) {
#define FIND(name, result, parameters) *(void **)&tflite->name = dlsym(library, #name);
    REQUIRED(FIND)
    XNNPACK(FIND)
    OPTIONAL(FIND)
#undef FIND
#define INSIST(name, result, parameters)                                                                               \
    if (tflite->name == NULL)                                                                                          \
        return fail(problem, OUTCOME_ERROR, "the library is not TensorFlow Lite with its C API: it lacks " #name);
    REQUIRED(INSIST)
#undef INSIST
#define INSIST(name, result, parameters)                                                                               \
    if (tflite->name == NULL)                                                                                          \
        return fail(problem, OUTCOME_UNSUPPORTED, "this build of TensorFlow Lite has no XNNPACK: it lacks " #name);
    XNNPACK(INSIST)
#undef INSIST
    return true;
}

static bool load(const struct options *options, void **state, struct problem *problem) {
    void *library = NULL;
    if (!open_library(options->library, &library, problem))
        return false;
    struct tflite *tflite = calloc(1, sizeof *tflite);
    if (tflite == NULL)
        return fail(problem, OUTCOME_ERROR, "no memory");
    tflite->threads = options->threads;
    *state = tflite;
    return find_functions(tflite, library, problem);
}

static bool has_shape(const struct tflite *tflite, const void *found, const struct tensor *asked) {
    if ((size_t)tflite->TfLiteTensorNumDims(found) != asked->rank)
        return false;
    for (size_t axis = 0; axis < asked->rank; axis++) {
        if (tflite->TfLiteTensorDim(found, (int32_t)axis) != asked->dims[axis])
            return false;
    }
    return true;
}

/* Gives an input of which the file leaves sizes open the shape that is asked for. Operators that cannot follow say so
 * when tensors are allocated. */
static bool resize(struct tflite *tflite, const struct tensor *asked, struct problem *problem) {
    int dims[MAX_RANK];
    for (size_t axis = 0; axis < asked->rank; axis++)
        dims[axis] = (int)asked->dims[axis];
    if (tflite->TfLiteInterpreterResizeInputTensor == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "this build of TensorFlow Lite cannot give inputs another shape");
    int32_t count = tflite->TfLiteInterpreterGetInputTensorCount(tflite->interpreter);
    for (int32_t i = 0; i < count; i++) {
        const void *found = tflite->TfLiteInterpreterGetInputTensor(tflite->interpreter, i);
        if (strcmp(tflite->TfLiteTensorName(found), asked->name) == 0 &&
            tflite->TfLiteInterpreterResizeInputTensor(tflite->interpreter, i, dims, (int32_t)asked->rank) != STATUS_OK)
            return refuse(tflite, "an input cannot be given its shape", problem);
    }
    return true;
}

static bool open_session(void *state, const struct options *options, const struct file *model,
                         struct problem *problem) {
    struct tflite *tflite = state;
    tflite->model = tflite->TfLiteModelCreateWithErrorReporter(model->data, model->bytes, listen, tflite);
    if (tflite->model == NULL)
        return refuse(tflite, "the model cannot be read", problem);
    tflite->options = tflite->TfLiteInterpreterOptionsCreate();
    if (tflite->options == NULL)
        return refuse(tflite, "no interpreter options", problem);
    tflite->TfLiteInterpreterOptionsSetNumThreads(tflite->options, options->threads);
    tflite->TfLiteInterpreterOptionsSetErrorReporter(tflite->options, listen, tflite);
    tflite->interpreter = tflite->TfLiteInterpreterCreate(tflite->model, tflite->options);
    if (tflite->interpreter == NULL)
        return refuse(tflite, "the model cannot be opened", problem);
    for (size_t i = 0; i < options->input_count; i++) {
        if (options->inputs[i].open && !resize(tflite, &options->inputs[i].tensor, problem))
            return false;
    }
    return true;
}

static bool delegate(void *state, const struct options *options, struct problem *problem) {
    struct tflite *tflite = state;
    struct xnnpack_options xnnpack = tflite->TfLiteXNNPackDelegateOptionsDefault();
    xnnpack.num_threads = options->threads;
    tflite->xnnpack = tflite->TfLiteXNNPackDelegateCreate(&xnnpack);
    if (tflite->xnnpack == NULL)
        return fail(problem, OUTCOME_UNSUPPORTED, "XNNPACK does not run on this processor");
    if (tflite->TfLiteInterpreterModifyGraphWithDelegate(tflite->interpreter, tflite->xnnpack) != STATUS_OK)
        return refuse(tflite, "XNNPACK did not take the model", problem);
    return true;
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
    if (!dtype_of(tflite->TfLiteTensorType(found), &dtype) || dtype != asked->dtype)
        return fail(problem, OUTCOME_ERROR, "input `%s` of the model is not %s", asked->name, dtype_name(asked->dtype));
    bool same = has_shape(tflite, found, asked) && tflite->TfLiteTensorByteSize(found) == asked->bytes;
    return same || fail(problem, OUTCOME_ERROR, "input `%s` of the model has another shape than asked", asked->name);
}

static bool find_input(struct tflite *tflite, const struct tensor *asked, void **found, struct problem *problem) {
    int32_t count = tflite->TfLiteInterpreterGetInputTensorCount(tflite->interpreter);
    for (int32_t i = 0; i < count; i++) {
        *found = tflite->TfLiteInterpreterGetInputTensor(tflite->interpreter, i);
        if (strcmp(tflite->TfLiteTensorName(*found), asked->name) == 0)
            return fits(tflite, *found, asked, problem);
    }
    return fail(problem, OUTCOME_ERROR, "the model has no input `%s`", asked->name);
}

static bool find_output(struct tflite *tflite, const char *name, const void **found, struct problem *problem) {
    int32_t count = tflite->TfLiteInterpreterGetOutputTensorCount(tflite->interpreter);
    for (int32_t i = 0; i < count; i++) {
        *found = tflite->TfLiteInterpreterGetOutputTensor(tflite->interpreter, i);
        if (strcmp(tflite->TfLiteTensorName(*found), name) == 0)
            return true;
    }
    return fail(problem, OUTCOME_ERROR, "the model has no output `%s`", name);
}

static bool ready(void *state, struct options *options, struct problem *problem) {
    struct tflite *tflite = state;
    if (tflite->TfLiteInterpreterAllocateTensors(tflite->interpreter) != STATUS_OK)
        return refuse(tflite, "the model's tensors cannot be allocated", problem);
    int32_t count = tflite->TfLiteInterpreterGetInputTensorCount(tflite->interpreter);
    if ((size_t)count != options->input_count)
        return fail(problem, OUTCOME_ERROR, "the model has %d inputs, but %zu were given", (int)count,
                    options->input_count);
    for (size_t i = 0; i < options->input_count; i++) {
        if (!find_input(tflite, &options->inputs[i].tensor, &tflite->inputs[i], problem))
            return false;
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
    size_t rank = (size_t)tflite->TfLiteTensorNumDims(found);
    if (!dtype_of(tflite->TfLiteTensorType(found), &dtype) || rank > MAX_RANK)
        return fail(problem, OUTCOME_ERROR, "output `%s` has a number format or shape that is not handled",
                    tensor->name);
    for (size_t axis = 0; axis < rank; axis++)
        dims[axis] = tflite->TfLiteTensorDim(found, (int32_t)axis);
    if (!tensor_shape(tensor, dtype, dims, rank, problem))
        return false;
    if (tflite->TfLiteTensorCopyToBuffer(found, tensor->data, tensor->bytes) != STATUS_OK)
        return refuse(tflite, "an output cannot be read", problem);
    return true;
}

static bool predict(void *state, struct options *options, struct problem *problem) {
    struct tflite *tflite = state;
    for (size_t i = 0; i < options->input_count; i++) {
        const struct tensor *tensor = &options->inputs[i].tensor;
        if (tflite->TfLiteTensorCopyFromBuffer(tflite->inputs[i], tensor->data, tensor->bytes) != STATUS_OK)
            return refuse(tflite, "an input cannot be written", problem);
    }
    if (tflite->TfLiteInterpreterInvoke(tflite->interpreter) != STATUS_OK)
        return refuse(tflite, "the model cannot be run", problem);
    for (size_t i = 0; i < options->output_count; i++) {
        if (!copy_out(tflite, tflite->outputs[i], &options->outputs[i].tensor, problem))
            return false;
    }
    return true;
}

/* What the observer saw in the execution plan of the interpreter that was measured. */
struct plan {
    struct tflite *tflite;
    bool read;
    long nodes;
    long partitions;
    long left;
    char name[64];
};

static bool is_delegate(const struct tflite *tflite, const void *registration, const char **name) {
    if (tflite->TfLiteOperatorGetBuiltInCode != NULL && tflite->TfLiteOperatorGetCustomName != NULL) {
        *name = tflite->TfLiteOperatorGetCustomName(registration);
        return tflite->TfLiteOperatorGetBuiltInCode(registration) == BUILTIN_DELEGATE;
    }
    *name = tflite->TfLiteRegistrationExternalGetCustomName(registration);
    return tflite->TfLiteRegistrationExternalGetBuiltInCode(registration) == BUILTIN_DELEGATE;
}

static int observe(void *context, void *observer, void *data) {
    (void)observer;
    struct plan *plan = data;
    struct tflite *tflite = plan->tflite;
    struct int_array *order = NULL;
    if (tflite->TfLiteOpaqueContextGetExecutionPlan(context, &order) != STATUS_OK || order == NULL)
        return STATUS_OK;
    for (int i = 0; i < order->size; i++) {
        void *node = NULL;
        void *registration = NULL;
        const char *name = NULL;
        if (tflite->TfLiteOpaqueContextGetNodeAndRegistration(context, order->data[i], &node, &registration) !=
            STATUS_OK)
            return STATUS_OK;
        if (!is_delegate(tflite, registration, &name)) {
            plan->left++;
            continue;
        }
        plan->partitions++;
        snprintf(plan->name, sizeof plan->name, "%s", name == NULL ? "delegate" : name);
    }
    /* Nodes that a delegate took stay counted, and each of its partitions is one more. */
    plan->nodes = tflite->TfLiteOpaqueContextGetNumNodes(context) - plan->partitions;
    plan->read = true;
    return STATUS_OK;
}

static bool can_observe(const struct tflite *tflite) {
    bool names = tflite->TfLiteOperatorGetBuiltInCode != NULL && tflite->TfLiteOperatorGetCustomName != NULL;
    bool older_names = tflite->TfLiteRegistrationExternalGetBuiltInCode != NULL &&
                       tflite->TfLiteRegistrationExternalGetCustomName != NULL;
    return (names || older_names) && tflite->TfLiteOpaqueDelegateCreate != NULL &&
           tflite->TfLiteOpaqueDelegateDelete != NULL && tflite->TfLiteOpaqueContextGetNumNodes != NULL &&
           tflite->TfLiteOpaqueContextGetExecutionPlan != NULL &&
           tflite->TfLiteOpaqueContextGetNodeAndRegistration != NULL;
}

/* Reads the measured interpreter's plan by a delegate that takes nothing, after the last prediction. */
static struct plan read_plan(struct tflite *tflite) {
    struct plan plan = {.tflite = tflite};
    if (!can_observe(tflite))
        return plan;
    struct delegate_builder builder = {.data = &plan, .prepare = observe, .flags = ALLOW_DYNAMIC_TENSORS};
    tflite->observer = tflite->TfLiteOpaqueDelegateCreate(&builder);
    if (tflite->observer != NULL)
        tflite->TfLiteInterpreterModifyGraphWithDelegate(tflite->interpreter, tflite->observer);
    return plan;
}

static bool prove(void *state, struct proof *proof, struct problem *problem) {
    struct tflite *tflite = state;
    file_of(*(void **)&tflite->TfLiteVersion, &proof->library);
    if (tflite->TfLiteXNNPackDelegateGetThreadPool != NULL && tflite->pthreadpool_get_threads_count != NULL) {
        void *pool = tflite->TfLiteXNNPackDelegateGetThreadPool(tflite->xnnpack);
        size_t threads = pool == NULL ? 1 : tflite->pthreadpool_get_threads_count(pool);
        prove_note(proof, "XNNPACK's own pool has %zu thread(s), asked were %d", threads, tflite->threads);
    }
    struct plan plan = read_plan(tflite);
    if (!plan.read) {
        prove_note(proof, "this library does not show its execution plan: delegated nodes are unknown");
        return true;
    }
    if (plan.partitions == 0)
        return fail(problem, OUTCOME_UNSUPPORTED, "XNNPACK took none of the model's %ld nodes", plan.nodes);
    proof->backend = "cpu";
    proof->graph_nodes = plan.nodes;
    struct share *share = prove_share(proof, plan.name, plan.nodes - plan.left);
    if (share != NULL)
        share->partitions = plan.partitions;
    prove_note(proof, "nodes were read from the measured interpreter's execution plan after the last prediction");
    return true;
}

static const char *version(void *state) {
    return ((struct tflite *)state)->TfLiteVersion == NULL ? NULL : ((struct tflite *)state)->TfLiteVersion();
}

static void close_session(void *state) {
    struct tflite *tflite = state;
    if (tflite->interpreter != NULL)
        tflite->TfLiteInterpreterDelete(tflite->interpreter);
    if (tflite->observer != NULL)
        tflite->TfLiteOpaqueDelegateDelete(tflite->observer);
    if (tflite->xnnpack != NULL)
        tflite->TfLiteXNNPackDelegateDelete(tflite->xnnpack);
    if (tflite->options != NULL)
        tflite->TfLiteInterpreterOptionsDelete(tflite->options);
    if (tflite->model != NULL)
        tflite->TfLiteModelDelete(tflite->model);
    free(tflite);
}

static const struct backend backends[] = {{"cpu", {"xnnpack"}}};

const struct engine engine_tflite = {
    .name = "tflite",
    .backends = backends,
    .backend_count = sizeof backends / sizeof *backends,
    .loads_files = true,
    .load = load,
    .open = open_session,
    .delegate = delegate,
    .ready = ready,
    .predict = predict,
    .prove = prove,
    .version = version,
    .close = close_session,
};
