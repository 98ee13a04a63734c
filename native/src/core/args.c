#include "core/args.h"

#include <stddef.h>
#include <string.h>

#include "core/args_tensors.h"
#include "os/cores.h"
#include "os/text.h"

static const char *const pass_names[] = {"timing", "kernels", "memory"};
static const char *const answer_names[] = {"last", "first"};
static const char *const access_names[] = {"read", "mapped"};
static const char *const check_names[] = {"nothing", "library", "delegate"};

const char *pass_name(enum pass pass) {
    return pass_names[pass];
}

const char *model_access_name(enum model_access access) {
    return access_names[access];
}

enum kind { TEXT, WHOLE, SECONDS, CHOICE, AFFINITY, INPUT, OUTPUT };

/* One option of the command line. Every option takes one value. The parser and the help text both read this table. */
struct option {
    const char *name;
    enum kind kind;
    /* Where in `struct options` the value is stored: a string (TEXT), an int (WHOLE, CHOICE) or a double (SECONDS). */
    size_t place;
    /* The value, as the help text shows it; CHOICE shows its names. */
    const char *value;
    /* What the option does, and its default. */
    const char *help;
    /* WHOLE: the smallest and the largest value. */
    int low;
    int high;
    /* CHOICE: names[i] stands for the value i. */
    const char *const *names;
    int name_count;
};

#define TEXT_OPTION(option, field, value, help)                                                                        \
    { option, TEXT, offsetof(struct options, field), value, help, 0, 0, NULL, 0 }
#define WHOLE_OPTION(option, field, low, high, help)                                                                   \
    { option, WHOLE, offsetof(struct options, field), "N", help, low, high, NULL, 0 }
#define CHOICE_OPTION(option, field, names, help)                                                                      \
    { option, CHOICE, offsetof(struct options, field), NULL, help, 0, 0, names, (int)(sizeof names / sizeof *names) }

static const struct option table[] = {
    TEXT_OPTION("--engine", engine, "NAME", "tflite, onnxruntime or sleep"),
    TEXT_OPTION("--backend", backend, "NAME", "where the engine computes (default: its first backend)"),
    TEXT_OPTION("--delegate", delegate, "NAME", "the backend's delegate, or none (default: its first delegate)"),
    TEXT_OPTION("--arithmetic", arithmetic, "NAME",
                "number format of float32 operations (default: the backend's first)"),
    CHOICE_OPTION("--pass", pass, pass_names, "what is recorded besides the stages (default: timing)"),
    CHOICE_OPTION("--check", check, check_names, "only try to load the library, or also to create the delegate"),
    WHOLE_OPTION("--allow-fp16", allow_fp16, 0, 1, "1 permits arithmetic in float16 (default: 0)"),
    TEXT_OPTION("--library", library, "FILE", "the engine's shared library"),
    TEXT_OPTION("--delegate-library", delegate_library, "FILE", "the delegate's or execution provider's library"),
    TEXT_OPTION("--cache", cache, "FOLDER", "keeps compiled programs between processes (default: none are kept)"),
    TEXT_OPTION("--scratch", scratch, "FOLDER", "holds temporary files, which the runner removes"),
    TEXT_OPTION("--model", model, "FILE", "the model in the engine's format"),
    CHOICE_OPTION("--model-access", model_access, access_names, "how the model's file is read (default: read)"),
    {"--page-cache", CHOICE, offsetof(struct options, page_cache), NULL,
     "state of the page cache before setup (default: as found)", 0, 0, page_cache_names, CACHE_STATES},
    WHOLE_OPTION("--threads", threads, 1, MAX_THREADS, "threads that the engine computes with (required)"),
    {"--affinity", AFFINITY, 0, "CORES", "none, big, little, prime or a mask such as 0xf0 (default: none)", 0, 0, NULL,
     0},
    WHOLE_OPTION("--priority", priority, -20, 19, "nice value (default: not changed)"),
    WHOLE_OPTION("--memory-period", memory_period_ms, 0, MAX_MEMORY_PERIOD_MS,
                 "ms between two readings of a memory pass; 0: only at the ends of stages (default: 50)"),
    WHOLE_OPTION("--min-predictions", min_predictions, 1, MAX_PREDICTIONS, "fewest predictions (default: 3)"),
    WHOLE_OPTION("--max-predictions", max_predictions, 1, MAX_PREDICTIONS, "most predictions (default: 20)"),
    {"--max-seconds", SECONDS, offsetof(struct options, max_seconds), "S",
     "time after which predictions end, once the fewest are done (default: 1)", 0, 0, NULL, 0},
    WHOLE_OPTION("--samples", samples, 1, MAX_SAMPLES, "most values of each output that are printed (default: 64)"),
    CHOICE_OPTION("--answer", answer, answer_names, "the prediction whose outputs are printed (default: last)"),
    WHOLE_OPTION("--batch", batch, 1, MAX_BATCH, "first size of every input (default: as in --input)"),
    {"--input", INPUT, 0, "NAME,DTYPE,SHAPE,FILL",
     "an input of the model, in the model's order; SHAPE as 1x224x224x3, open:1x128 or scalar; FILL as "
     "uniform:LOW:HIGH, integers:LOW:HIGH or file:PATH",
     0, 0, NULL, 0},
    {"--output", OUTPUT, 0, "CANONICAL=NAME", "an output, and the name that the model's file has for it", 0, 0, NULL,
     0},
};

#define OPTION_COUNT (sizeof table / sizeof *table)

static void print_choice(FILE *stream, const struct option *option) {
    for (int i = 0; i < option->name_count; i++)
        fprintf(stream, "%s%s", i == 0 ? "" : "|", option->names[i]);
}

void args_help(FILE *stream) {
    fputs("Measures one block of one case, and prints the measurement as JSON on standard output.\n\n"
          "usage: mobilebench-runner --engine NAME --threads N [OPTION VALUE]...\n"
          "       mobilebench-runner --help\n\n",
          stream);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &table[i];
        fprintf(stream, "  %s ", option->name);
        if (option->kind == CHOICE)
            print_choice(stream, option);
        else
            fputs(option->value, stream);
        if (option->kind == WHOLE)
            fprintf(stream, " (%d to %d)", option->low, option->high);
        fprintf(stream, "\n        %s\n", option->help);
    }
    fputs("\nExit codes: 0 measured, 1 error, 2 bad argument, 3 unsupported, 4 the JSON could not be written.\n",
          stream);
}

/* The position of `text` among the names of a choice; -1 when it is none of them. */
static int position(const char *text, const char *const *names, int count) {
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    return -1;
}

static bool take_text(const struct option *option, char *place, const char *value, struct problem *problem) {
    if (*value == '\0')
        return fail(problem, OUTCOME_BAD_ARGUMENT, "option `%s` is empty", option->name);
    memcpy(place, &value, sizeof value);
    return true;
}

static bool take_whole(const struct option *option, char *place, const char *value, struct problem *problem) {
    long number = 0;
    if (!number_whole(value, option->low, option->high, &number))
        return fail(problem, OUTCOME_BAD_ARGUMENT, "%s has to be %d to %d", option->name, option->low, option->high);
    int stored = (int)number;
    memcpy(place, &stored, sizeof stored);
    return true;
}

static bool take_seconds(const struct option *option, char *place, const char *value, struct problem *problem) {
    double seconds = 0;
    if (!number_real(value, &seconds) || seconds <= 0 || seconds > MAX_SECONDS)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "%s has to be above 0 and at most %.0f", option->name, MAX_SECONDS);
    memcpy(place, &seconds, sizeof seconds);
    return true;
}

static bool take_choice(const struct option *option, char *place, const char *value, struct problem *problem) {
    _Static_assert(sizeof(enum pass) == sizeof(int) && sizeof(enum page_cache) == sizeof(int),
                   "the place of a choice is an int");
    int number = position(value, option->names, option->name_count);
    if (number < 0) {
        char names[64];
        size_t length = 0;
        for (int i = 0; i < option->name_count && length < sizeof names; i++) {
            const char *between = i == 0 ? "" : i == option->name_count - 1 ? " or " : ", ";
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", between, option->names[i]);
        }
        return fail(problem, OUTCOME_BAD_ARGUMENT, "%s has to be %s", option->name, names);
    }
    memcpy(place, &number, sizeof number);
    return true;
}

static bool take_affinity(struct options *options, const char *value, struct problem *problem) {
    static const char *const names[] = {"none", "big", "little", "prime"};
    struct cores cores;
    if (position(value, names, 4) < 0 && !cores_of_mask(value, &cores))
        return fail(problem, OUTCOME_BAD_ARGUMENT,
                    "--affinity has to be none, big, little, prime or a mask such as 0xf0");
    options->affinity = strcmp(value, "none") == 0 ? NULL : value;
    return true;
}

static const struct option *find_option(const char *name) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

static bool take(struct options *options, const char *name, char *value, struct problem *problem) {
    const struct option *option = find_option(name);
    if (option == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "unknown option `%s`", name);
    char *place = (char *)options + option->place;
    switch (option->kind) {
    case TEXT:
        return take_text(option, place, value, problem);
    case WHOLE:
        return take_whole(option, place, value, problem);
    case SECONDS:
        return take_seconds(option, place, value, problem);
    case CHOICE:
        return take_choice(option, place, value, problem);
    case AFFINITY:
        return take_affinity(options, value, problem);
    case INPUT:
        return args_input(options, value, problem);
    case OUTPUT:
        return args_output(options, value, problem);
    }
    return false;
}

bool args_parse(int argc, char **argv, struct options *options, struct problem *problem) {
    *options = (struct options){.min_predictions = 3,
                                .max_predictions = 20,
                                .max_seconds = 1.0,
                                .samples = 64,
                                .memory_period_ms = 50,
                                .priority = PRIORITY_NOT_ASKED};
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            return fail(problem, OUTCOME_BAD_ARGUMENT, "option `%s` lacks its value", argv[i]);
        if (!take(options, argv[i], argv[i + 1], problem))
            return false;
    }
    if (options->engine == NULL)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "--engine is missing");
    if (options->threads == 0)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "--threads is missing");
    if (options->min_predictions > options->max_predictions)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "--min-predictions (%d) is more than --max-predictions (%d)",
                    options->min_predictions, options->max_predictions);
    return options->batch == 0 || args_batch(options, options->batch, problem);
}

void args_free(struct options *options) {
    for (size_t i = 0; i < options->input_count; i++)
        tensor_free(&options->inputs[i].tensor);
    for (size_t i = 0; i < options->output_count; i++) {
        tensor_free(&options->outputs[i].tensor);
        tensor_free(&options->outputs[i].first);
    }
}
