#include "core/args_tensors.h"

#include <math.h>
#include <string.h>

#include "os/text.h"

/* Cuts `text` at its last `separator`, and returns what is behind it, or NULL. */
static char *cut_last(char *text, char separator) {
    char *at = strrchr(text, separator);
    if (at == NULL)
        return NULL;
    *at = '\0';
    return at + 1;
}

/* Moves `*text` behind `prefix`, if it begins so. */
static bool cut_prefix(char **text, const char *prefix) {
    size_t length = strlen(prefix);
    if (strncmp(*text, prefix, length) != 0)
        return false;
    *text += length;
    return true;
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
        if (*rank == MAX_RANK || !number_whole(part, 1, INT32_MAX, &size))
            return false;
        dims[(*rank)++] = size;
        part = next;
    }
    return true;
}

static bool parse_range(char *text, enum dtype dtype, struct fill *fill) {
    char *high = cut_last(text, ':');
    char *low = high == NULL ? NULL : cut_last(text, ':');
    if (low == NULL || !number_real(low, &fill->low) || !number_real(high, &fill->high) || fill->low >= fill->high)
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

/* Makes the problem a bad argument: the command line describes an impossible tensor. */
static bool blame(struct problem *problem) {
    problem->outcome = OUTCOME_BAD_ARGUMENT;
    return false;
}

static bool parse_fill(char *text, enum dtype dtype, struct fill *fill) {
    if (!cut_prefix(&text, "file:"))
        return parse_range(text, dtype, fill);
    fill->kind = FILL_FILE;
    fill->path = text;
    return *text != '\0';
}

/* Cuts off the fill. The name of a file may hold commas, so a file is found by the word `file:`. */
static char *cut_fill(char *text) {
    static const char mark[] = ",file:";
    char *file = strstr(text, mark);
    if (file == NULL)
        return cut_last(text, ',');
    *file = '\0';
    return file + 1;
}

bool args_input(struct options *options, char *text, struct problem *problem) {
    if (options->input_count == MAX_INPUTS)
        return fail(problem, OUTCOME_BAD_ARGUMENT, "more than %d inputs", MAX_INPUTS);
    struct input *input = &options->inputs[options->input_count];
    char *fill = cut_fill(text);
    /* The name may itself hold commas, so it is read from the right. */
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
    input->open = cut_prefix(&shape, "open:");
    if (!parse_dims(shape, dims, &rank))
        return fail(problem, OUTCOME_BAD_ARGUMENT,
                    "input `%s`: its shape has to be 1 to %d sizes of at least 1, as in 1x224x224x3, or scalar", text,
                    MAX_RANK);
    if (!parse_fill(fill, dtype, &input->fill))
        return fail(problem, OUTCOME_BAD_ARGUMENT,
                    "input `%s`: its fill has to be file:PATH, or uniform:LOW:HIGH or integers:LOW:HIGH within its "
                    "number format",
                    text);
    input->tensor.name = text;
    options->input_count++;
    return tensor_describe(&input->tensor, dtype, dims, rank, problem) || blame(problem);
}

bool args_output(struct options *options, char *text, struct problem *problem) {
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

bool args_batch(struct options *options, long batch, struct problem *problem) {
    for (size_t i = 0; i < options->input_count; i++) {
        struct tensor *tensor = &options->inputs[i].tensor;
        if (tensor->rank == 0)
            return fail(problem, OUTCOME_BAD_ARGUMENT, "--batch %ld: input `%s` is a scalar, which has no batch", batch,
                        tensor->name);
        if (tensor->dims[0] == batch)
            continue;
        int64_t dims[MAX_RANK];
        memcpy(dims, tensor->dims, sizeof dims);
        dims[0] = batch;
        options->inputs[i].open = true;
        if (!tensor_describe(tensor, tensor->dtype, dims, tensor->rank, problem))
            return blame(problem);
    }
    return true;
}
