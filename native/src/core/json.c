#include "core/json.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct json *json, const char *text, size_t length) {
    if (json->failed)
        return;
    if (json->capacity - json->length < length + 1) {
        size_t capacity = (json->capacity + length + 1) * 2;
        char *larger = realloc(json->text, capacity);
        if (larger == NULL) {
            json->failed = true;
            return;
        }
        json->text = larger;
        json->capacity = capacity;
    }
    memcpy(json->text + json->length, text, length);
    json->length += length;
    json->text[json->length] = '\0';
}

static void put_text(struct json *json, const char *text) {
    put(json, text, strlen(text));
}

/* Returns the length of the well-formed UTF-8 sequence at `text`, or 0. */
static size_t utf8_length(const unsigned char *text) {
    static const struct {
        unsigned char first, last, low, high;
        size_t length;
    } forms[] = {
        {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last)
            continue;
        if (forms[i].length > 1 && (text[1] < forms[i].low || text[1] > forms[i].high))
            return 0;
        for (size_t tail = 2; tail < forms[i].length; tail++) {
            if (text[tail] < 0x80 || text[tail] > 0xBF)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

static void put_quoted(struct json *json, const char *value) {
    put_text(json, "\"");
    for (const unsigned char *at = (const unsigned char *)value; *at != '\0';) {
        size_t length = utf8_length(at);
        if (length == 0) {
            put_text(json, "\\ufffd");
            length = 1;
        } else if (*at == '"' || *at == '\\') {
            char escaped[2] = {'\\', (char)*at};
            put(json, escaped, sizeof escaped);
        } else if (*at < 0x20) {
            char escaped[8];
            snprintf(escaped, sizeof escaped, "\\u%04x", *at);
            put_text(json, escaped);
        } else {
            put(json, (const char *)at, length);
        }
        at += length;
    }
    put_text(json, "\"");
}

static void begin_value(struct json *json, const char *key) {
    if (json->needs_comma)
        put_text(json, ",");
    if (key != NULL) {
        put_quoted(json, key);
        put_text(json, ":");
    }
    json->needs_comma = true;
}

void json_open(struct json *json, const char *key, char bracket) {
    begin_value(json, key);
    put(json, &bracket, 1);
    json->needs_comma = false;
}

void json_close(struct json *json, char bracket) {
    put(json, &bracket, 1);
    json->needs_comma = true;
}

void json_string(struct json *json, const char *key, const char *value) {
    begin_value(json, key);
    if (value == NULL)
        put_text(json, "null");
    else
        put_quoted(json, value);
}

void json_number(struct json *json, const char *key, double value) {
    char text[40] = "null";
    if (isfinite(value))
        snprintf(text, sizeof text, "%.17g", value);
    begin_value(json, key);
    put_text(json, text);
}

void json_integer(struct json *json, const char *key, long long value) {
    char text[32];
    snprintf(text, sizeof text, "%lld", value);
    begin_value(json, key);
    put_text(json, text);
}

void json_bool(struct json *json, const char *key, bool value) {
    begin_value(json, key);
    put_text(json, value ? "true" : "false");
}

void json_end_line(struct json *json) {
    put_text(json, "\n");
}

void json_free(struct json *json) {
    free(json->text);
    *json = (struct json){0};
}
