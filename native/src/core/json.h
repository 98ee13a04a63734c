/* Writes one JSON text into memory, so that it is printed whole or not at all. */
#ifndef MOBILEBENCH_JSON_H
#define MOBILEBENCH_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct json {
    char *text;
    size_t length;
    size_t capacity;
    /* Memory ran out: the text is not whole. */
    bool failed;
    bool needs_comma;
};

/* `bracket` is `{` or `[`; `key` is NULL inside arrays. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);

/* NULL is written as null; bytes that are not UTF-8 as the replacement character. */
void json_string(struct json *json, const char *key, const char *value);

/* Values that are not finite are written as null. */
void json_number(struct json *json, const char *key, double value);

void json_integer(struct json *json, const char *key, long long value);

void json_bool(struct json *json, const char *key, bool value);

void json_free(struct json *json);

#endif
