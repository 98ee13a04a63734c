/* Shows single parts of the runner to the tests.
 *
 *     native-probe hash POSITION INDEX     the hash of the input formula
 *     native-probe fill OPTIONS…           the values of every --input; float32 as the hex of its bits
 *     native-probe summary SAMPLES BITS…   the summary of float32 values given as hex bits
 *     native-probe quote < TEXT            a JSON string
 *     native-probe cores FOLDER NAME       the cores of that name, or why there are none
 *     native-probe memory FOLDER           the memory of a process, from its folder in /proc
 *     native-probe graphics PROGRAM        the graphics memory that a substitute for dumpsys prints within a second
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/args.h"
#include "core/json.h"
#include "core/summary.h"
#include "os/cores.h"
#include "os/graphics.h"
#include "os/memory_text.h"

#define USAGE 64

static int print_whole(struct json *json) {
    int code = json->failed || puts(json->text) < 0;
    json_free(json);
    return code;
}

static void put_bits(struct json *json, float value) {
    uint32_t bits = 0;
    char hex[16];
    memcpy(&bits, &value, sizeof bits);
    snprintf(hex, sizeof hex, "%08x", (unsigned int)bits);
    json_string(json, NULL, hex);
}

static int fill(int argc, char **argv) {
    static struct options options;
    static struct problem problem;
    struct json json = {0};
    bool parsed = args_parse(argc, argv, &options, &problem);
    json_open(&json, NULL, '[');
    for (size_t n = 0; parsed && n < options.input_count; n++) {
        const struct tensor *tensor = &options.inputs[n].tensor;
        parsed = input_make(&options.inputs[n].tensor, &options.inputs[n].fill, (uint32_t)n, &problem);
        json_open(&json, NULL, '[');
        for (size_t i = 0; parsed && i < tensor->elements; i++) {
            if (tensor->dtype == DTYPE_FLOAT32)
                put_bits(&json, ((const float *)tensor->data)[i]);
            else
                json_number(&json, NULL, tensor_value(tensor, i));
        }
        json_close(&json, ']');
    }
    json_close(&json, ']');
    args_free(&options);
    int code = print_whole(&json);
    return parsed ? code : (int)problem.outcome;
}

static int describe(const struct tensor *tensor, size_t most) {
    struct json json = {0};
    struct summary summary = summarise(tensor);
    size_t samples = sample_count(tensor, most);
    json_open(&json, NULL, '{');
    json_integer(&json, "non_finite", (long long)summary.non_finite);
    json_number(&json, "l1", summary.l1);
    json_number(&json, "l2", summary.l2);
    json_number(&json, "max", summary.max);
    json_integer(&json, "digest", summary.digest);
    json_open(&json, "index", '[');
    for (size_t k = 0; k < samples; k++)
        json_integer(&json, NULL, (long long)sample_index(tensor, samples, k));
    json_close(&json, ']');
    json_open(&json, "value", '[');
    for (size_t k = 0; k < samples; k++)
        json_number(&json, NULL, sample_value(tensor, sample_index(tensor, samples, k)));
    json_close(&json, ']');
    json_close(&json, '}');
    return print_whole(&json);
}

static int summarise_bits(size_t samples, int count, char **words) {
    struct tensor tensor = {.name = "values"};
    struct problem problem = {0};
    int64_t size = count;
    if (!tensor_shape(&tensor, DTYPE_FLOAT32, &size, 1, &problem))
        return (int)problem.outcome;
    for (int i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)strtoul(words[i], NULL, 16);
        memcpy((float *)tensor.data + i, &bits, sizeof bits);
    }
    int code = describe(&tensor, samples);
    tensor_free(&tensor);
    return code;
}

static int quote(void) {
    static char text[65536];
    size_t length = fread(text, 1, sizeof text - 1, stdin);
    text[length] = '\0';
    struct json json = {0};
    json_string(&json, NULL, text);
    return print_whole(&json);
}

static int cores(const char *folder, const char *name) {
    struct cores found = {0};
    struct problem problem = {0};
    struct json json = {0};
    if (!cores_named(folder, name, &found, &problem)) {
        json_string(&json, NULL, problem.text);
        return print_whole(&json) != 0 ? USAGE : (int)problem.outcome;
    }
    json_open(&json, NULL, '[');
    for (int core = 0; core < MAX_CORES; core++) {
        if (cores_has(&found, core))
            json_integer(&json, NULL, core);
    }
    json_close(&json, ']');
    return print_whole(&json);
}

static int memory(const char *folder) {
    struct memory_facts facts;
    struct json json = {0};
    const char *source = memory_facts_read(folder, &facts);
    json_open(&json, NULL, '{');
    json_string(&json, "source", source);
    json_integer(&json, "rss_kb", facts.rss_kb);
    json_integer(&json, "pss_kb", facts.pss_kb);
    json_integer(&json, "uss_kb", facts.uss_kb);
    json_integer(&json, "anonymous_kb", facts.anonymous_kb);
    json_integer(&json, "file_kb", facts.file_kb);
    json_integer(&json, "peak_kb", memory_peak_kb(folder));
    json_close(&json, '}');
    return print_whole(&json);
}

static int graphics(const char *program) {
    char why[128] = "";
    struct json json = {0};
    json_open(&json, NULL, '{');
    json_integer(&json, "kb", graphics_kb(program, 1.0, why, sizeof why));
    json_string(&json, "why", why);
    json_close(&json, '}');
    return print_whole(&json);
}

int main(int argc, char **argv) {
    const char *part = argc > 1 ? argv[1] : "";
    if (strcmp(part, "hash") == 0 && argc == 4)
        return printf("%u\n", (unsigned int)input_hash((uint32_t)strtoul(argv[3], NULL, 10),
                                                       (uint32_t)strtoul(argv[2], NULL, 10))) < 0;
    if (strcmp(part, "fill") == 0)
        return fill(argc - 1, argv + 1);
    if (strcmp(part, "summary") == 0 && argc > 3)
        return summarise_bits((size_t)strtoul(argv[2], NULL, 10), argc - 3, argv + 3);
    if (strcmp(part, "quote") == 0)
        return quote();
    if (strcmp(part, "cores") == 0 && argc == 4)
        return cores(argv[2], argv[3]);
    if (strcmp(part, "memory") == 0 && argc == 3)
        return memory(argv[2]);
    if (strcmp(part, "graphics") == 0 && argc == 3)
        return graphics(argv[2]);
    return USAGE;
}
