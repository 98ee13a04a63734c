#include "args.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool whole(const char *text, long low, long high, long *value) {
    char *end = NULL;
    errno = 0;
    *value = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value >= low && *value <= high;
}

static bool real(const char *text, double *value) {
    char *end = NULL;
    errno = 0;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value);
}

/* Cuts `text` at its last `separator`; what stands behind it, or NULL. */
static char *cut_last(char *text, char separator) {
    char *at = strrchr(text, separator);
    if (at == NULL)
        return NULL;
    *at = '\0';
    return at + 1;
}

static bool parse_dtype(const char *text, enum dtype *dtype) {
    for (int known = DTYPE_FLOAT32; known <= DTYPE_BOOL; known++) {
        if (strcmp(text, dtype_name((enum dtype)known)) == 0) {
            *dtype = (enum dtype)known;
            return true;
        }
    }
    return false;
}

static bool parse_dims(char *text, int64_t *dims, size_t *rank) {
    *rank = 0;
    if (strcmp(text, "scalar") == 0)
        return true;
    for (char *part = text; part != NULL;) {
        char *next = strchr(part, 'x');
        if (next != NULL)
            *next++ = '\0';
        long size = 0;
        if (*rank == MAX_RANK || !whole(part, 1, INT32_MAX, &size))
            return false;
        dims[(*rank)++] = size;
        part = next;
    }
    return true;
}

static bool parse_fill(char *text, enum dtype dtype, struct fill *fill) {
    char *high = cut_last(text, ':');
    char *low = high == NULL ? NULL : cut_last(text, ':');
    if (low == NULL || !real(low, &fill->low) || !real(high, &fill->high) || fill->low >= fill->high)
        return false;
    static const struct {
        double lowest;
        double highest;
    } limits[] = {[DTYPE_FLOAT32] = {-3.0e38, 3.0e38},
                  [DTYPE_INT32] = {-2147483648.0, 2147483648.0},
                  [DTYPE_INT64] = {-9007199254740992.0, 9007199254740992.0},
                  [DTYPE_UINT8] = {0, 256},
                  [DTYPE_INT8] = {-128, 128},
                  [DTYPE_BOOL] = {0, 2}};
    if (fill->low < limits[dtype].lowest || fill->high > limits[dtype].highest)
        return false;
    if (strcmp(text, "uniform") == 0) {
        fill->kind = FILL_UNIFORM;
        return true;
    }
    fill->kind = FILL_INTEGERS;
    return strcmp(text, "integers") == 0 && trunc(fill->low) == fill->low && trunc(fill->high) == fill->high &&
           fill->high - fill->low <= 4294967295.0;
}

/* Cuts `open:` off the shape of an input whose sizes the file leaves open. */
static bool cut_open(char **shape) {
    static const char mark[] = "open:";
    if (strncmp(*shape, mark, sizeof mark - 1) != 0)
        return false;
    *shape += sizeof mark - 1;
    return true;
}

/* NAME,DTYPE,SHAPE,FILL: the name may itself hold commas, so it is read from the right. */
static bool add_input(struct options *options, char *text, struct problem *problem) {
    if (options->input_count == MAX_INPUTS)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "more than %d inputs", MAX_INPUTS);
    struct input *input = &options->inputs[options->input_count];
    char *fill = cut_last(text, ',');
    char *shape = fill == NULL ? NULL : cut_last(text, ',');
    char *dtype_text = shape == NULL ? NULL : cut_last(text, ',');
    if (dtype_text == NULL || *text == '\0')
        return fail(problem, OUTCOME_BAD_ARGUMENT, "--input takes NAME,DTYPE,SHAPE,FILL");
    enum dtype dtype = DTYPE_FLOAT32;
    int64_t dims[MAX_RANK];
    size_t rank = 0;
    if (!parse_dtype(dtype_text, &dtype))
        return fail(problem, OUTCOME_BAD_ARGUMENT,
                    "input `%s`: its number format has to be float32, int32, int64, int8, uint8 or bool", text);
    input->open = cut_open(&shape);
    if (!parse_dims(shape, dims, &rank))
        return fail(problem, OUTCOME_BAD_ARGUMENT,
                    "input `%s`: its shape has to be 1 to %d sizes of at least 1, as in 1x224x224x3, or scalar", text,
                    MAX_RANK);
    if (!parse_fill(fill, dtype, &input->fill))
        return fail(problem, OUTCOME_BAD_ARGUMENT,
                    "input `%s`: its fill has to be uniform:LOW:HIGH or integers:LOW:HIGH within its number format",
                    text);
    input->tensor.name = text;
    options->input_count++;
    if (!tensor_shape(&input->tensor, dtype, dims, rank, problem)) {
        problem->outcome = OUTCOME_BAD_ARGUMENT;
        return false;
    }
    return true;
}

static bool add_output(struct options *options, char *text, struct problem *problem) {
    if (options->output_count == MAX_OUTPUTS)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "more than %d outputs", MAX_OUTPUTS);
    char *name = strchr(text, '=');
    if (name == NULL || name == text || name[1] == '\0')
        return fail(problem, OUTCOME_BAD_ARGUMENT, "--output takes CANONICAL=NAME");
    *name++ = '\0';
    struct output *output = &options->outputs[options->output_count++];
    output->canonical = text;
    output->tensor.name = name;
    return true;
}

static const char *const pass_names[] = {"timing", "kernels", "memory"};

static bool choose_pass(struct options *options, const char *text, struct problem *problem) {
    for (int known = PASS_TIMING; known <= PASS_MEMORY; known++) {
        if (strcmp(text, pass_names[known]) == 0) {
            options->pass = (enum pass)known;
            return true;
        }
    }
    return fail(problem, OUTCOME_BAD_ARGUMENT, "--pass has to be timing, kernels or memory");
}

const char *pass_name(enum pass pass) {
    return pass_names[pass];
}

static bool take(struct options *options, const char *name, char *value, struct problem *problem) {
    long number = 0;
    if (strcmp(name, "--engine") == 0) {
        options->engine = value;
    } else if (strcmp(name, "--setting") == 0) {
        options->setting = value;
    } else if (strcmp(name, "--backend") == 0) {
        options->backend = value;
    } else if (strcmp(name, "--pass") == 0) {
        return choose_pass(options, value, problem);
    } else if (strcmp(name, "--allow-fp16") == 0) {
        if (!whole(value, 0, 1, &number))
            return fail(problem, OUTCOME_BAD_ARGUMENT, "--allow-fp16 has to be 0 or 1");
        options->allow_fp16 = number == 1;
    } else if (strcmp(name, "--delegate-library") == 0) {
        options->delegate_library = value;
    } else if (strcmp(name, "--cache") == 0) {
        options->cache = value;
    } else if (strcmp(name, "--scratch") == 0) {
        options->scratch = value;
    } else if (strcmp(name, "--library") == 0) {
        options->library = value;
    } else if (strcmp(name, "--model") == 0) {
        options->model = value;
    } else if (strcmp(name, "--input") == 0) {
        return add_input(options, value, problem);
    } else if (strcmp(name, "--output") == 0) {
        return add_output(options, value, problem);
    } else if (strcmp(name, "--threads") == 0) {
        if (!whole(value, 1, MAX_THREADS, &number))
            return fail(problem, OUTCOME_BAD_ARGUMENT, "--threads has to be 1 to %d", MAX_THREADS);
        options->threads = (int)number;
    } else if (strcmp(name, "--min-predictions") == 0) {
        if (!whole(value, 1, MAX_PREDICTIONS, &options->min_predictions))
            return fail(problem, OUTCOME_BAD_ARGUMENT, "--min-predictions has to be 1 to %d", MAX_PREDICTIONS);
    } else if (strcmp(name, "--max-predictions") == 0) {
        if (!whole(value, 1, MAX_PREDICTIONS, &options->max_predictions))
            return fail(problem, OUTCOME_BAD_ARGUMENT, "--max-predictions has to be 1 to %d", MAX_PREDICTIONS);
    } else if (strcmp(name, "--max-seconds") == 0) {
        if (!real(value, &options->max_seconds) || options->max_seconds <= 0 || options->max_seconds > MAX_SECONDS)
            return fail(problem, OUTCOME_BAD_ARGUMENT, "--max-seconds has to be above 0 and at most %.0f", MAX_SECONDS);
    } else if (strcmp(name, "--samples") == 0) {
        if (!whole(value, 1, MAX_SAMPLES, &options->samples))
            return fail(problem, OUTCOME_BAD_ARGUMENT, "--samples has to be 1 to %d", MAX_SAMPLES);
    } else {
        return fail(problem, OUTCOME_BAD_ARGUMENT, "unknown option `%s`", name);
    }
    return true;
}

bool args_parse(int argc, char **argv, struct options *options, struct problem *problem) {
    *options = (struct options){.min_predictions = 3, .max_predictions = 20, .max_seconds = 1.0, .samples = 64};
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
        return fail(problem, OUTCOME_BAD_ARGUMENT, "--min-predictions (%ld) is more than --max-predictions (%ld)",
                    options->min_predictions, options->max_predictions);
    return true;
}

void args_free(struct options *options) {
    for (size_t i = 0; i < options->input_count; i++)
        tensor_free(&options->inputs[i].tensor);
    for (size_t i = 0; i < options->output_count; i++)
        tensor_free(&options->outputs[i].tensor);
}
