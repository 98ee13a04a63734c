#include "ort/trace.h"

#include <stdint.h>
#include <string.h>

#define MAX_DEPTH 32
#define MAX_WORD 128

enum scan { SCANNED, SHORT, WRONG };

struct cursor {
    const char *text;
    size_t length;
    size_t at;
};

/* Where the parts of a value are stored. Only `text` takes strings. */
struct value {
    char text[MAX_WORD];
    double number;
    bool is_number;
};

static void skip_space(struct cursor *cursor) {
    while (cursor->at < cursor->length && strchr(" \t\r\n", cursor->text[cursor->at]) != NULL &&
           cursor->text[cursor->at] != '\0')
        cursor->at++;
}

static bool peek(const struct cursor *cursor, char *next) {
    *next = cursor->at < cursor->length ? cursor->text[cursor->at] : '\0';
    return cursor->at < cursor->length;
}

/* Reads a string into `text`, cut to its size. An escaped character that is not ASCII becomes `?`. */
static enum scan scan_string(struct cursor *cursor, char text[MAX_WORD]) {
    size_t kept = 0;
    char next = '\0';
    cursor->at++;
    while (peek(cursor, &next)) {
        cursor->at++;
        if (next == '"') {
            text[kept] = '\0';
            return SCANNED;
        }
        if (next == '\\') {
            if (!peek(cursor, &next))
                return SHORT;
            cursor->at++;
            next = strchr("\"\\/", next) != NULL && next != '\0' ? next : '?';
        }
        if (kept + 1 < MAX_WORD)
            text[kept++] = next;
    }
    return SHORT;
}

/* Reads a number. Numbers in a trace are whole or simple decimals; an exponent makes the value unusable, but not the
 * text. */
static bool number_of(const char *word, double *number) {
    double value = 0;
    double unit = 0;
    bool negative = *word == '-';
    word += negative;
    if (*word < '0' || *word > '9')
        return false;
    for (; *word != '\0'; word++) {
        if (*word == '.' && unit == 0) {
            unit = 1;
            continue;
        }
        if (*word < '0' || *word > '9')
            return false;
        unit /= 10;
        value = unit == 0 ? value * 10 + (*word - '0') : value + unit * (*word - '0');
    }
    *number = negative ? -value : value;
    return true;
}

/* Reads a number, true, false or null. */
static enum scan scan_word(struct cursor *cursor, struct value *value) {
    size_t kept = 0;
    char next = '\0';
    size_t start = cursor->at;
    while (peek(cursor, &next) && ((next >= '0' && next <= '9') || (next >= 'a' && next <= 'z') || next == 'E' ||
                                   next == '-' || next == '+' || next == '.')) {
        if (kept + 1 < MAX_WORD)
            value->text[kept++] = next;
        cursor->at++;
    }
    value->text[kept] = '\0';
    if (cursor->at == cursor->length)
        return SHORT;
    value->is_number = number_of(value->text, &value->number);
    return cursor->at > start ? SCANNED : WRONG;
}

/* Skips an object or a list, whose opening bracket is next. */
static enum scan skip_nested(struct cursor *cursor) {
    char closing[MAX_DEPTH];
    char ignored[MAX_WORD];
    size_t depth = 0;
    char next = '\0';
    while (peek(cursor, &next)) {
        if (next == '"') {
            if (scan_string(cursor, ignored) != SCANNED)
                return SHORT;
            continue;
        }
        cursor->at++;
        if (next == '{' || next == '[') {
            if (depth == MAX_DEPTH)
                return WRONG;
            closing[depth++] = next == '{' ? '}' : ']';
        } else if (next == '}' || next == ']') {
            if (closing[--depth] != next)
                return WRONG;
            if (depth == 0)
                return SCANNED;
        }
    }
    return SHORT;
}

static enum scan scan_value(struct cursor *cursor, struct value *value) {
    char next = '\0';
    *value = (struct value){0};
    if (!peek(cursor, &next))
        return SHORT;
    if (next == '"')
        return scan_string(cursor, value->text);
    return next == '{' || next == '[' ? skip_nested(cursor) : scan_word(cursor, value);
}

static void copy(char *to, size_t room, const char *from) {
    size_t length = strlen(from);
    length = length < room ? length : room - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

static void take_argument(struct ort_event *event, const char *key, const struct value *value) {
    double number = 0;
    if (strcmp(key, "op_name") == 0)
        copy(event->operation, sizeof event->operation, value->text);
    else if (strcmp(key, "provider") == 0)
        copy(event->provider, sizeof event->provider, value->text);
    else if (strcmp(key, "node_index") == 0 && number_of(value->text, &number) && number >= 0 && number <= INT32_MAX)
        event->node = (long)number;
}

static void take_member(struct ort_event *event, const char *key, const struct value *value) {
    if (strcmp(key, "cat") == 0)
        copy(event->category, sizeof event->category, value->text);
    else if (strcmp(key, "name") == 0)
        copy(event->name, sizeof event->name, value->text);
    else if (strcmp(key, "dur") == 0 && value->is_number)
        event->duration_us = value->number;
}

static enum scan scan_object(struct cursor *cursor, struct ort_event *event, bool arguments);

static enum scan scan_member(struct cursor *cursor, struct ort_event *event, bool arguments) {
    char key[MAX_WORD];
    char next = '\0';
    struct value value;
    if (!peek(cursor, &next))
        return SHORT;
    if (next != '"')
        return WRONG;
    enum scan scanned = scan_string(cursor, key);
    skip_space(cursor);
    if (scanned != SCANNED || !peek(cursor, &next))
        return SHORT;
    if (next != ':')
        return WRONG;
    cursor->at++;
    skip_space(cursor);
    if (!arguments && strcmp(key, "args") == 0 && peek(cursor, &next) && next == '{')
        return scan_object(cursor, event, true);
    scanned = scan_value(cursor, &value);
    if (scanned == SCANNED && arguments)
        take_argument(event, key, &value);
    else if (scanned == SCANNED)
        take_member(event, key, &value);
    return scanned;
}

static enum scan scan_object(struct cursor *cursor, struct ort_event *event, bool arguments) {
    char next = '\0';
    bool first = true;
    cursor->at++;
    for (;;) {
        skip_space(cursor);
        if (!peek(cursor, &next))
            return SHORT;
        if (next == '}') {
            cursor->at++;
            return SCANNED;
        }
        if (!first) {
            if (next != ',')
                return WRONG;
            cursor->at++;
            skip_space(cursor);
        }
        first = false;
        enum scan scanned = scan_member(cursor, event, arguments);
        if (scanned != SCANNED)
            return scanned;
    }
}

enum ort_trace_result ort_trace_next(struct ort_trace *trace, struct ort_event *event) {
    struct cursor cursor = {.text = trace->text, .length = trace->length, .at = trace->at};
    char next = '\0';
    *event = (struct ort_event){.node = -1, .duration_us = -1};
    /* The list's opening bracket and the commas between events. */
    for (skip_space(&cursor); peek(&cursor, &next) && (next == '[' || next == ','); skip_space(&cursor))
        cursor.at++;
    if (!peek(&cursor, &next))
        return ORT_TRACE_MORE;
    if (next == ']')
        return ORT_TRACE_END;
    if (next != '{')
        return ORT_TRACE_BROKEN;
    enum scan scanned = scan_object(&cursor, event, false);
    if (scanned == SCANNED)
        trace->at = cursor.at;
    return scanned == SCANNED ? ORT_TRACE_EVENT : scanned == SHORT ? ORT_TRACE_MORE : ORT_TRACE_BROKEN;
}
