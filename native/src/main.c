/* mobilebench-runner: measures one block of one case in this fresh process and prints one JSON on standard output.
 *
 * What a library prints goes to standard error. `--help` lists the options and the exit codes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/run.h"
#include "os/file.h"

/* Keeps standard output free for the JSON. Returns the descriptor to write the JSON to, or -1. */
static int reserve_output(void) {
    int answer = dup(STDOUT_FILENO);
    if (answer < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return -1;
    return answer;
}

int main(int argc, char **argv) {
    static struct run run;
    static const struct caller caller = {.own_process = true};

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        args_help(stdout);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_NOT_WRITTEN;
    }
    signal(SIGPIPE, SIG_IGN);
    int answer = reserve_output();
    if (answer < 0) {
        fputs("mobilebench-runner: standard output or error is closed\n", stderr);
        return EXIT_NOT_WRITTEN;
    }
    int code = run_arguments(&run, argc, argv, &caller);
    if (run.json.failed || !write_all(answer, run.json.text, run.json.length) || close(answer) != 0) {
        fputs("mobilebench-runner: the answer could not be written\n", stderr);
        code = EXIT_NOT_WRITTEN;
    }
    run_free(&run);
    /* Libraries of engines and drivers may crash in their destructors, so none are run. */
    fflush(NULL);
    _exit(code);
}
