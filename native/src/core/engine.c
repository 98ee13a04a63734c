#include "core/engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct engine *engine_named(const char *name) {
    static const struct engine *const engines[] = {&engine_tflite, &engine_onnxruntime, &engine_sleep};
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
    }
    return NULL;
}

void prove_note(struct proof *proof, const char *format, ...) {
    if (proof->note_count == MAX_NOTES)
        return;
    char *note = proof->notes[proof->note_count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note, sizeof proof->notes[0], format, arguments);
    va_end(arguments);
}

struct share *prove_share(struct proof *proof, const char *name, long nodes) {
    size_t at = 0;
    while (at < proof->share_count && strcmp(proof->shares[at].name, name) != 0)
        at++;
    if (at == MAX_SHARES)
        return NULL;
    struct share *share = &proof->shares[at];
    if (at == proof->share_count) {
        snprintf(share->name, sizeof share->name, "%s", name);
        share->partitions = -1;
        proof->share_count++;
    }
    share->nodes += nodes;
    return share;
}

bool open_library(const char *path, const char *whose, void **library, struct problem *problem) {
    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*library != NULL)
        return true;
    const char *words = dlerror();
    words = words == NULL ? "the loader gave no reason" : words;
    /* A lack of memory is temporary, so it is an error of this block. */
    enum outcome outcome = strstr(words, strerror(ENOMEM)) == NULL ? OUTCOME_UNSUPPORTED : OUTCOME_ERROR;
    return fail(problem, outcome, "%s library cannot be loaded: %s", whose, words);
}

bool nnapi_is_there(struct problem *problem) {
    if (dlopen("libneuralnetworks.so", RTLD_NOW | RTLD_LOCAL) != NULL)
        return true;
    const char *words = dlerror();
    return fail(problem, OUTCOME_UNSUPPORTED, "Android's NNAPI cannot be loaded: %s",
                words == NULL ? "the loader gave no reason" : words);
}

bool computes_in(const struct options *options, const char *arithmetic) {
    return options->arithmetic != NULL && strcmp(options->arithmetic, arithmetic) == 0;
}

bool fp16_permitted(const struct options *options, struct problem *problem) {
    return options->allow_fp16 || !computes_in(options, "fp16") ||
           fail(problem, OUTCOME_BAD_ARGUMENT, "--arithmetic fp16 has to be permitted by --allow-fp16 1");
}
