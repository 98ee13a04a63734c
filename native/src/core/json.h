/* Writes one JSON text into memory, so that it is printed completely or not at all. */
#ifndef MOBILEBENCH_JSON_H
#define MOBILEBENCH_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct json {
    char *text;
    size_t length;
    size_t capacity;
    /* Memory ran out, so the text is incomplete. */
    bool failed;
    bool needs_comma;
};

/* `bracket` is `{` or `[`; `key` is NULL inside arrays. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);

/* Writes NULL as null, and bytes that are not UTF-8 as the replacement character. */
void json_string(struct json *json, const char *key, const char *value);

/* Writes a value that is not finite as null. */
void json_number(struct json *json, const char *key, double value);

void json_integer(struct json *json, const char *key, long long value);

void json_bool(struct json *json, const char *key, bool value);

/* Ends the text with a line feed, behind the last bracket. */
void json_end_line(struct json *json);

void json_free(struct json *json);

#endif
