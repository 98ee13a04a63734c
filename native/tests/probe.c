/* Shows single parts of the runner to the tests: `fill` prints an input, `quote` a JSON string. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "summary.h"

static int print_whole(struct json *json) {
    int code = json->failed || puts(json->text) < 0;
    json_free(json);
    return code;
}

static int describe_input(const struct options *options) {
    struct json json = {0};
    json_open(&json, NULL, '[');
    for (size_t n = 0; n < options->input_count; n++) {
        struct tensor tensor = options->inputs[n].tensor;
        input_fill(&tensor, &options->inputs[n].fill, (uint32_t)n);
        struct summary summary = summarise(&tensor);
        json_open(&json, NULL, '{');
        json_string(&json, "name", tensor.name);
        json_open(&json, "values", '[');
        for (size_t i = 0; i < tensor.elements; i++)
            json_number(&json, NULL, tensor_value(&tensor, i));
        json_close(&json, ']');
        json_number(&json, "l1", summary.l1);
        json_number(&json, "l2", summary.l2);
        json_number(&json, "max", summary.max);
        json_integer(&json, "digest", summary.digest);
        json_open(&json, "index", '[');
        for (size_t k = 0; k < summary.samples; k++)
            json_integer(&json, NULL, (long long)summary.index[k]);
        json_close(&json, ']');
        json_close(&json, '}');
    }
    json_close(&json, ']');
    return print_whole(&json);
}

static int quote(void) {
    static char text[65536];
    size_t length = fread(text, 1, sizeof text - 1, stdin);
    text[length] = '\0';
    struct json json = {0};
    json_string(&json, NULL, text);
    return print_whole(&json);
}

int main(int argc, char **argv) {
    static struct options options;
    static struct problem problem;
    if (argc == 2 && strcmp(argv[1], "quote") == 0)
        return quote();
    if (argc < 2 || strcmp(argv[1], "fill") != 0)
        return 64;
    bool parsed = args_parse(argc - 1, argv + 1, &options, &problem);
    int code = parsed ? describe_input(&options) : (int)problem.outcome;
    args_free(&options);
    return code;
}
