/* Shows single parts of the engines to the tests, on inputs that no engine of this computer produces.
 *
 *     engine-probe trace PIECE < TEXT
 *         the events of a trace that arrives PIECE bytes at a time, and how it ends
 *     engine-probe profile CALLS FILE
 *         the kernels of a profile
 *     engine-probe telemetry < LINES
 *         the kernels of telemetry; a line is one of
 *         `part NODE DELEGATE`, `next`, `begin NAME NODE SUBGRAPH`, `end HANDLE`, `operator NAME MICROSECONDS INDEX`
 *     engine-probe plan < LINES
 *         the shares of a graph; a line is a node `CODE NAME INPUTS OUTPUTS PLANNED`
 *         (CODE 51 is a delegated part, INPUTS is a list such as `1,2` or `-`, PLANNED is 0 or 1)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "ort/profile.h"
#include "ort/trace.h"
#include "tflite/plan.h"
#include "tflite/profile.h"

#define USAGE 64
#define MOST 64

static char text[1 << 22];

static size_t read_input(void) {
    size_t length = fread(text, 1, sizeof text - 1, stdin);
    text[length] = '\0';
    return length;
}

static int print_whole(struct json *json) {
    int code = json->failed || puts(json->text) < 0;
    json_free(json);
    return code;
}

static void put_event(struct json *json, const struct ort_event *event) {
    json_open(json, NULL, '{');
    json_string(json, "category", event->category);
    json_string(json, "name", event->name);
    json_string(json, "operation", event->operation);
    json_string(json, "provider", event->provider);
    json_integer(json, "node", event->node);
    json_number(json, "duration_us", event->duration_us);
    json_close(json, '}');
}

/* The text is copied into memory of exactly its size, so that the sanitizer sees any read beyond it. */
static enum ort_trace_result take_events(struct json *json, size_t length, size_t *at) {
    char *exact = malloc(length + 1);
    if (exact == NULL)
        return ORT_TRACE_BROKEN;
    char *piece = exact + 1;
    memcpy(piece, text, length);
    struct ort_trace trace = {.text = piece, .length = length, .at = *at};
    struct ort_event event;
    enum ort_trace_result result = ORT_TRACE_EVENT;
    while ((result = ort_trace_next(&trace, &event)) == ORT_TRACE_EVENT)
        put_event(json, &event);
    *at = trace.at;
    free(exact);
    return result;
}

static int trace(size_t piece) {
    static const char *const words[] = {"event", "more", "end", "broken"};
    struct json json = {0};
    size_t length = read_input();
    size_t at = 0;
    enum ort_trace_result result = ORT_TRACE_MORE;
    json_open(&json, NULL, '{');
    json_open(&json, "events", '[');
    for (size_t got = 0; result == ORT_TRACE_MORE && got < length;) {
        got = piece < length - got ? got + piece : length;
        result = take_events(&json, got, &at);
    }
    json_close(&json, ']');
    json_string(&json, "result", words[result]);
    json_close(&json, '}');
    return print_whole(&json);
}

static void put_kernels(struct json *json, const struct kernels *kernels) {
    json_open(json, "kernels", '[');
    for (size_t i = 0; i < kernels->count; i++) {
        const struct kernel *kernel = &kernels->items[i];
        json_open(json, NULL, '{');
        json_string(json, "name", kernel->name);
        json_integer(json, "node", kernel->node);
        json_string(json, "provider", kernel->provider);
        json_bool(json, "collapsed", kernel->collapsed);
        json_number(json, "warmup_ms", kernel->warmup_ms);
        json_open(json, "times_ms", '[');
        for (size_t k = 0; k < kernel->count; k++)
            json_number(json, NULL, kernel->times_ms[k]);
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
}

static int profile(long calls, const char *path) {
    struct ort_profile read = {.calls = calls};
    struct kernels kernels = {0};
    struct problem problem = {0};
    struct json json = {0};
    bool done = ort_profile_read(&read, path, &kernels, &problem);
    json_open(&json, NULL, '{');
    json_string(&json, "problem", done ? NULL : problem.text);
    json_integer(&json, "calls_found", read.calls_found);
    put_kernels(&json, &kernels);
    json_close(&json, '}');
    kernels_free(&kernels);
    return print_whole(&json);
}

static int share_of(struct tflite_plan *plan, const char *name) {
    size_t at = 0;
    while (at < plan->share_count && strcmp(plan->shares[at].name, name) != 0)
        at++;
    if (at == plan->share_count)
        snprintf(plan->shares[plan->share_count++].name, sizeof plan->shares[at].name, "%s", name);
    return (int)at;
}

static void follow(struct tflite_profile *watched, struct tflite_plan *plan, const char *line) {
    struct telemetry_profiler *profiler = &watched->profiler;
    /* The engine keeps an operator's name as long as the operator runs. */
    static char names[MOST][64];
    static size_t used;
    char *name = names[used++ % MOST];
    int number = 0;
    int other = 0;
    if (sscanf(line, "part %d %63s", &number, name) == 2 && plan->part_count < MOST) {
        plan->part_nodes[plan->part_count] = number;
        plan->part_shares[plan->part_count++] = share_of(plan, name);
    } else if (strncmp(line, "next", 4) == 0) {
        tflite_profile_next(watched);
    } else if (sscanf(line, "begin %63s %d %d", name, &number, &other) == 3) {
        profiler->begin(profiler, name, number, other);
    } else if (sscanf(line, "end %d", &number) == 1) {
        profiler->end(profiler, (uint32_t)number);
    } else if (sscanf(line, "operator %63s %d %d", name, &number, &other) == 3) {
        profiler->operator_time(profiler, name, (uint64_t)number, other, 0);
    }
}

static int telemetry(void) {
    static int nodes[MOST];
    static int shares[MOST];
    struct tflite_plan plan = {.part_nodes = nodes, .part_shares = shares};
    struct tflite_profile watched = {0};
    struct kernels kernels = {0};
    struct json json = {0};
    tflite_profile_begin(&watched);
    read_input();
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        follow(&watched, &plan, line);
    tflite_profile_end(&watched, &plan, &kernels);
    json_open(&json, NULL, '{');
    json_integer(&json, "parts_timed", watched.parts_timed);
    json_integer(&json, "parts_untimed", watched.parts_untimed);
    put_kernels(&json, &kernels);
    json_close(&json, '}');
    kernels_free(&kernels);
    tflite_profile_free(&watched);
    return print_whole(&json);
}

/* A fake graph, which the plan's reader takes for that of an interpreter. */
struct fake_node {
    int code;
    char name[64];
    int inputs[MOST];
    int outputs[MOST];
    int input_count;
    int output_count;
};

static struct fake_node nodes[MOST];
static int node_count;
static int order[MOST + 1];

static void *fake_delegate(const struct delegate_builder *builder) {
    static struct delegate_builder kept;
    kept = *builder;
    return &kept;
}

static void fake_delete(void *delegate) {
    (void)delegate;
}

static int fake_modify(const void *interpreter, void *delegate) {
    (void)interpreter;
    const struct delegate_builder *builder = delegate;
    return builder->prepare(NULL, delegate, builder->data);
}

static int fake_node_count(const void *context) {
    (void)context;
    return node_count;
}

static size_t fake_tensor_count(const void *context) {
    (void)context;
    return MOST;
}

static int fake_order(void *context, struct int_array **found) {
    (void)context;
    *found = (struct int_array *)(void *)order;
    return TFLITE_OK;
}

static int fake_find(void *context, int at, void **node, void **operation) {
    (void)context;
    *node = &nodes[at];
    *operation = &nodes[at];
    return TFLITE_OK;
}

static int fake_inputs(const void *node, const int **inputs, int *count) {
    *inputs = ((const struct fake_node *)node)->inputs;
    *count = ((const struct fake_node *)node)->input_count;
    return TFLITE_OK;
}

static int fake_outputs(const void *node, const int **outputs, int *count) {
    *outputs = ((const struct fake_node *)node)->outputs;
    *count = ((const struct fake_node *)node)->output_count;
    return TFLITE_OK;
}

static int fake_code(const void *operation) {
    return ((const struct fake_node *)operation)->code;
}

static const char *fake_name(const void *operation) {
    return ((const struct fake_node *)operation)->name;
}

static int numbers(const char *list, int *found) {
    int count = 0;
    while (*list >= '0' && *list <= '9' && count < MOST) {
        char *end = NULL;
        found[count++] = (int)strtol(list, &end, 10);
        list = *end == ',' ? end + 1 : end;
    }
    return count;
}

static void add_node(const char *line) {
    char inputs[256];
    char outputs[256];
    int planned = 0;
    struct fake_node *node = &nodes[node_count];
    if (node_count == MOST ||
        sscanf(line, "%d %63s %255s %255s %d", &node->code, node->name, inputs, outputs, &planned) != 5)
        return;
    node->input_count = numbers(inputs, node->inputs);
    node->output_count = numbers(outputs, node->outputs);
    if (planned)
        order[++order[0]] = node_count;
    node_count++;
}

static int plan(void) {
    struct tflite_api api = {
        .TfLiteInterpreterModifyGraphWithDelegate = fake_modify,
        .TfLiteOpaqueDelegateCreate = fake_delegate,
        .TfLiteOpaqueDelegateDelete = fake_delete,
        .TfLiteOpaqueContextGetNumNodes = fake_node_count,
        .TfLiteOpaqueContextGetNumTensors = fake_tensor_count,
        .TfLiteOpaqueContextGetExecutionPlan = fake_order,
        .TfLiteOpaqueContextGetNodeAndRegistration = fake_find,
        .TfLiteOpaqueNodeInputs = fake_inputs,
        .TfLiteOpaqueNodeOutputs = fake_outputs,
        .TfLiteOperatorGetBuiltInCode = fake_code,
        .TfLiteOperatorGetCustomName = fake_name,
    };
    struct tflite_plan read = {0};
    struct json json = {0};
    read_input();
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        add_node(line);
    tflite_plan_read(&read, &api, NULL);
    json_open(&json, NULL, '{');
    json_bool(&json, "read", read.read);
    json_integer(&json, "nodes", read.nodes);
    json_integer(&json, "left", read.left);
    json_open(&json, "shares", '[');
    for (size_t i = 0; i < read.share_count; i++) {
        json_open(&json, NULL, '[');
        json_string(&json, NULL, read.shares[i].name);
        json_integer(&json, NULL, read.shares[i].nodes);
        json_integer(&json, NULL, read.shares[i].partitions);
        json_close(&json, ']');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    tflite_plan_free(&read);
    return print_whole(&json);
}

int main(int argc, char **argv) {
    const char *part = argc > 1 ? argv[1] : "";
    if (strcmp(part, "trace") == 0 && argc == 3)
        return trace((size_t)strtoul(argv[2], NULL, 10));
    if (strcmp(part, "profile") == 0 && argc == 4)
        return profile(strtol(argv[2], NULL, 10), argv[3]);
    if (strcmp(part, "telemetry") == 0)
        return telemetry();
    if (strcmp(part, "plan") == 0)
        return plan();
    return USAGE;
}
