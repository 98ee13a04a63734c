/* Fuzzes the command line: every line of the bytes is one argument. */
#include <stdlib.h>
#include <string.h>

#include "core/args.h"

#define MOST_ARGUMENTS 512

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct options options;
    struct problem problem = {0};
    char *arguments[MOST_ARGUMENTS] = {"mobilebench-runner"};
    int count = 1;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, bytes, size);
    text[size] = '\0';
    for (char *line = text; line != NULL && count < MOST_ARGUMENTS;) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        arguments[count++] = line;
        line = next;
    }
    bool parsed = args_parse(count, arguments, &options, &problem);
    if (parsed == (problem.outcome != OUTCOME_OK) || (!parsed && problem.text[0] == '\0'))
        abort();
    args_free(&options);
    free(text);
    return 0;
}
