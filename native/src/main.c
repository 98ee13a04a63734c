/* mobilebench-runner: measures one block of one case in this fresh process and prints one JSON on standard output.
 *
 * What a library prints goes to standard error. `--help` lists the options and the exit codes.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/block.h"
#include "core/report.h"

#define EXIT_NOT_WRITTEN 4

/* Keeps standard output free for the JSON. Returns the descriptor to write the JSON to, or -1. */
static int reserve_output(void) {
    int answer = dup(STDOUT_FILENO);
    if (answer < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return -1;
    return answer;
}

static bool write_all(int descriptor, const char *text, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        length -= (size_t)written;
    }
    return true;
}

static int answer_with(int descriptor, struct json *json, const struct problem *problem) {
    bool written = !json->failed && write_all(descriptor, json->text, json->length) && write_all(descriptor, "\n", 1) &&
                   close(descriptor) == 0;
    if (written)
        return (int)problem->outcome;
    fputs("mobilebench-runner: the answer could not be written\n", stderr);
    return EXIT_NOT_WRITTEN;
}

int main(int argc, char **argv) {
    static struct options options;
    static struct block block;
    static struct problem problem;
    struct json json = {0};

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        args_help(stdout);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_NOT_WRITTEN;
    }
    signal(SIGPIPE, SIG_IGN);
    /* ONNX Runtime would otherwise open a database and connect out from background threads. */
    setenv("ORT_DISABLE_TELEMETRY", "1", 1);
    int answer = reserve_output();
    if (answer < 0) {
        fputs("mobilebench-runner: standard output or error is closed\n", stderr);
        return EXIT_NOT_WRITTEN;
    }
    if (args_parse(argc, argv, &options, &problem))
        block_run(&options, &block, &problem);
    report(&json, &options, &block, &problem);
    int code = answer_with(answer, &json, &problem);
    json_free(&json);
    block_free(&block);
    args_free(&options);
    /* Libraries of engines and drivers may crash in their destructors, so none are run. */
    fflush(NULL);
    _exit(code);
}
