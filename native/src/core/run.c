#include "core/run.h"

#include <stdlib.h>

#include "core/report.h"

int run_arguments(struct run *run, int argc, char **argv, const struct caller *caller) {
    /* ONNX Runtime would otherwise open a database and connect out from background threads. */
    setenv("ORT_DISABLE_TELEMETRY", "1", 1);
    if (args_parse(argc, argv, &run->options, &run->problem))
        block_run(&run->options, &run->block, caller, &run->problem);
    report(&run->json, &run->options, &run->block, &run->problem);
    json_end_line(&run->json);
    return run->json.failed ? EXIT_NOT_WRITTEN : (int)run->problem.outcome;
}

void run_free(struct run *run) {
    json_free(&run->json);
    block_free(&run->block);
    args_free(&run->options);
}
