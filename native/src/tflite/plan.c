/* Reads the shares of the delegates from a graph. Nodes that a delegate took stay in the graph, but not in the
 * execution plan; each delegated part is an additional node. With one delegate the nodes are counted. With several,
 * every part is followed from its outputs back to its inputs. */
#include "tflite/plan.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The state of one reading. */
struct reading {
    const struct tflite_api *api;
    void *context;
    struct tflite_plan *plan;
    int total;
    bool observed;
};

struct connections {
    const int *inputs;
    const int *outputs;
    int input_count;
    int output_count;
};

static bool can_read(const struct tflite_api *api) {
#define LACKS(name, result, parameters) api->name == NULL ||
    if (TFLITE_PLAN(LACKS) false)
        return false;
#undef LACKS
    return (api->TfLiteOperatorGetBuiltInCode != NULL && api->TfLiteOperatorGetCustomName != NULL) ||
           (api->TfLiteRegistrationExternalGetBuiltInCode != NULL &&
            api->TfLiteRegistrationExternalGetCustomName != NULL);
}

static bool is_delegate(const struct tflite_api *api, const void *operation, const char **name) {
    if (api->TfLiteOperatorGetBuiltInCode != NULL && api->TfLiteOperatorGetCustomName != NULL) {
        *name = api->TfLiteOperatorGetCustomName(operation);
        return api->TfLiteOperatorGetBuiltInCode(operation) == TFLITE_BUILTIN_DELEGATE;
    }
    *name = api->TfLiteRegistrationExternalGetCustomName(operation);
    return api->TfLiteRegistrationExternalGetBuiltInCode(operation) == TFLITE_BUILTIN_DELEGATE;
}

static int share_named(struct tflite_plan *plan, const char *name) {
    size_t at = 0;
    while (at < plan->share_count && strcmp(plan->shares[at].name, name) != 0)
        at++;
    if (at == MAX_SHARES)
        return -1;
    if (at == plan->share_count) {
        snprintf(plan->shares[at].name, sizeof plan->shares[at].name, "%s", name);
        plan->share_count++;
    }
    return (int)at;
}

static bool add_part(struct tflite_plan *plan, int node, const char *name) {
    int share = share_named(plan, name == NULL ? "delegate" : name);
    if (share < 0 || plan->part_count == MAX_PARTS)
        return false;
    plan->part_nodes[plan->part_count] = node;
    plan->part_shares[plan->part_count] = share;
    plan->part_count++;
    plan->shares[share].partitions++;
    return true;
}

/* Divides the nodes of the execution plan into delegated parts and others. The others are marked in `stays`. */
static bool read_order(struct reading *reading, char *stays) {
    struct int_array *order = NULL;
    if (reading->api->TfLiteOpaqueContextGetExecutionPlan(reading->context, &order) != TFLITE_OK || order == NULL)
        return false;
    for (int i = 0; i < order->size; i++) {
        int at = order->data[i];
        void *node = NULL;
        void *operation = NULL;
        const char *name = NULL;
        if (at < 0 || at >= reading->total ||
            reading->api->TfLiteOpaqueContextGetNodeAndRegistration(reading->context, at, &node, &operation) !=
                TFLITE_OK)
            return false;
        stays[at] = 1;
        if (!is_delegate(reading->api, operation, &name))
            reading->plan->left++;
        else if (!add_part(reading->plan, at, name))
            return false;
    }
    return true;
}

static bool connect(const struct reading *reading, int at, struct connections *found) {
    void *node = NULL;
    void *operation = NULL;
    const struct tflite_api *api = reading->api;
    return api->TfLiteOpaqueContextGetNodeAndRegistration(reading->context, at, &node, &operation) == TFLITE_OK &&
           api->TfLiteOpaqueNodeInputs(node, &found->inputs, &found->input_count) == TFLITE_OK &&
           api->TfLiteOpaqueNodeOutputs(node, &found->outputs, &found->output_count) == TFLITE_OK;
}

static void mark(char *marks, size_t size, const int *tensors, int count, char value) {
    for (int i = 0; i < count; i++) {
        if (tensors[i] >= 0 && (size_t)tensors[i] < size)
            marks[tensors[i]] = value;
    }
}

static bool any_marked(const char *marks, size_t size, const int *tensors, int count) {
    for (int i = 0; i < count; i++) {
        if (tensors[i] >= 0 && (size_t)tensors[i] < size && marks[tensors[i]])
            return true;
    }
    return false;
}

/* Counts the original nodes of one part: those that its outputs depend on, back to its inputs. The nodes are in the
 * order of the file, so going backwards every consumer comes before its producer. */
static long walk_part(const struct reading *reading, int part, char *stays, char *wanted, size_t tensors) {
    struct connections edge = {0};
    if (!connect(reading, part, &edge))
        return 0;
    memset(wanted, 0, tensors);
    mark(wanted, tensors, edge.outputs, edge.output_count, 1);
    long found = 0;
    for (int at = reading->total - 1; at >= 0; at--) {
        struct connections node = {0};
        if (stays[at] || !connect(reading, at, &node) || !any_marked(wanted, tensors, node.outputs, node.output_count))
            continue;
        stays[at] = 1;
        found++;
        mark(wanted, tensors, node.inputs, node.input_count, 1);
        mark(wanted, tensors, edge.inputs, edge.input_count, 0);
    }
    return found;
}

/* Adds the nodes of this graph, whose parts begin at `first`. */
static bool count_nodes(const struct reading *reading, size_t first, char *stays) {
    struct tflite_plan *plan = reading->plan;
    plan->nodes += reading->total - (long)(plan->part_count - first);
    if (plan->share_count < 2) {
        plan->shares[0].nodes = plan->nodes - plan->left;
        return true;
    }
    size_t tensors = reading->api->TfLiteOpaqueContextGetNumTensors(reading->context);
    char *wanted = malloc(tensors + 1);
    if (wanted == NULL)
        return false;
    for (size_t i = first; i < plan->part_count; i++)
        plan->shares[plan->part_shares[i]].nodes += walk_part(reading, plan->part_nodes[i], stays, wanted, tensors);
    free(wanted);
    return true;
}

/* Called once for each graph of a model: the main one, and those inside its operators. */
static int observe(void *context, void *observer, void *data) {
    (void)observer;
    struct reading *reading = data;
    bool earlier = reading->observed;
    size_t first = reading->plan->part_count;
    reading->observed = true;
    reading->context = context;
    reading->total = reading->api->TfLiteOpaqueContextGetNumNodes(context);
    char *stays = calloc((size_t)reading->total + 1, 1);
    if (stays != NULL)
        reading->plan->read =
            (!earlier || reading->plan->read) && read_order(reading, stays) && count_nodes(reading, first, stays);
    free(stays);
    return TFLITE_OK;
}

void tflite_plan_read(struct tflite_plan *plan, const struct tflite_api *api, void *interpreter) {
    struct reading reading = {.api = api, .plan = plan};
    struct delegate_builder builder = {.data = &reading, .prepare = observe, .flags = TFLITE_ALLOW_DYNAMIC_TENSORS};
    plan->part_nodes = calloc(MAX_PARTS, sizeof *plan->part_nodes);
    plan->part_shares = calloc(MAX_PARTS, sizeof *plan->part_shares);
    if (plan->part_nodes == NULL || plan->part_shares == NULL || !can_read(api))
        return;
    plan->observer = api->TfLiteOpaqueDelegateCreate(&builder);
    if (plan->observer != NULL)
        api->TfLiteInterpreterModifyGraphWithDelegate(interpreter, plan->observer);
}

struct types {
    const struct tflite_api *api;
    bool float16;
};

static int observe_types(void *context, void *observer, void *data) {
    (void)observer;
    struct types *types = data;
    size_t count = types->api->TfLiteOpaqueContextGetNumTensors(context);
    for (size_t i = 0; i < count && !types->float16; i++) {
        const void *tensor = types->api->TfLiteOpaqueContextGetOpaqueTensor(context, (int)i);
        types->float16 = tensor != NULL && types->api->TfLiteOpaqueTensorType(tensor) == TFLITE_FLOAT16;
    }
    return TFLITE_OK;
}

bool tflite_graph_has_float16(const struct tflite_api *api, void *interpreter, void **observer) {
    struct types types = {.api = api};
    struct delegate_builder builder = {.data = &types, .prepare = observe_types, .flags = TFLITE_ALLOW_DYNAMIC_TENSORS};
    if (!can_read(api) || api->TfLiteOpaqueContextGetOpaqueTensor == NULL || api->TfLiteOpaqueTensorType == NULL)
        return false;
    *observer = api->TfLiteOpaqueDelegateCreate(&builder);
    if (*observer != NULL)
        api->TfLiteInterpreterModifyGraphWithDelegate(interpreter, *observer);
    return types.float16;
}

const char *tflite_plan_delegate(const struct tflite_plan *plan, int node) {
    for (size_t i = 0; i < plan->part_count; i++) {
        if (plan->part_nodes[i] == node)
            return plan->shares[plan->part_shares[i]].name;
    }
    return NULL;
}

void tflite_plan_free(struct tflite_plan *plan) {
    free(plan->part_nodes);
    free(plan->part_shares);
    *plan = (struct tflite_plan){0};
}
