/* Fuzzes the JSON writer: the bytes decide what is written, and the result has to be well-formed. */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "well_formed.h"

#define DEEPEST 32

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct source {
    const uint8_t *bytes;
    size_t left;
};

static uint8_t next(struct source *source) {
    if (source->left == 0)
        return 0;
    source->left--;
    return *source->bytes++;
}

/* Takes a text of up to 255 of the bytes, which may have any value but 0. */
static void next_text(struct source *source, char text[256]) {
    size_t length = next(source);
    size_t at = 0;
    while (at < length && source->left > 0) {
        char one = (char)next(source);
        text[at++] = one == '\0' ? ' ' : one;
    }
    text[at] = '\0';
}

static void next_bytes(struct source *source, void *value, size_t size) {
    uint8_t raw[8] = {0};
    for (size_t i = 0; i < size; i++)
        raw[i] = next(source);
    memcpy(value, raw, size);
}

static void write_one(struct json *json, struct source *source, int depth, bool keyed) {
    char key[256];
    char text[256];
    const char *name = NULL;
    if (keyed) {
        next_text(source, key);
        name = key;
    }
    uint8_t kind = next(source) % 6;
    if (kind >= 4 && depth < DEEPEST) {
        char open = kind == 4 ? '{' : '[';
        json_open(json, name, open);
        for (uint8_t count = next(source) % 8; count > 0 && source->left > 0; count--)
            write_one(json, source, depth + 1, open == '{');
        json_close(json, open == '{' ? '}' : ']');
    } else if (kind == 1) {
        double number = 0;
        next_bytes(source, &number, sizeof number);
        json_number(json, name, number);
    } else if (kind == 2) {
        long long number = 0;
        next_bytes(source, &number, sizeof number);
        json_integer(json, name, number);
    } else if (kind == 3) {
        json_bool(json, name, next(source) & 1);
    } else {
        next_text(source, text);
        json_string(json, name, next(source) == 1 ? NULL : text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct source source = {bytes, size};
    struct json json = {0};
    write_one(&json, &source, 0, false);
    if (json.failed || json.length != strlen(json.text) || !well_formed(json.text))
        abort();
    json_free(&json);
    return 0;
}
