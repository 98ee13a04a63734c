#include "well_formed.h"

#include <stddef.h>
#include <string.h>

typedef const unsigned char *place;

static place value(place at);

static place expect(place at, const char *word) {
    size_t length = strlen(word);
    return at != NULL && strncmp((const char *)at, word, length) == 0 ? at + length : NULL;
}

static bool is_hex(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static place escape(place at) {
    if (*at == 'u') {
        for (int i = 1; i <= 4; i++) {
            if (!is_hex(at[i]))
                return NULL;
        }
        return at + 5;
    }
    return *at != '\0' && strchr("\"\\/bfnrt", *at) != NULL ? at + 1 : NULL;
}

/* Reads one character, which must not be overlong, half of a surrogate pair, or beyond Unicode. */
static place character(place at) {
    uint32_t code = *at;
    int more = code < 0x80 ? 0 : code >> 5 == 0x6 ? 1 : code >> 4 == 0xE ? 2 : code >> 3 == 0x1E ? 3 : -1;
    static const uint32_t least[] = {0x20, 0x80, 0x800, 0x10000};
    if (more < 0)
        return NULL;
    code &= more == 0 ? 0x7F : 0x3FU >> more;
    for (int i = 1; i <= more; i++) {
        if (at[i] >> 6 != 0x2)
            return NULL;
        code = code << 6 | (at[i] & 0x3FU);
    }
    bool valid = code >= least[more] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
    return valid ? at + 1 + more : NULL;
}

static place string(place at) {
    at = expect(at, "\"");
    while (at != NULL && *at != '"')
        at = *at == '\\' ? escape(at + 1) : character(at);
    return at == NULL ? NULL : at + 1;
}

static place digits(place at) {
    if (at == NULL || *at < '0' || *at > '9')
        return NULL;
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

static place number(place at) {
    at += *at == '-' ? 1 : 0;
    at = *at == '0' ? at + 1 : digits(at);
    if (at != NULL && *at == '.')
        at = digits(at + 1);
    if (at != NULL && (*at == 'e' || *at == 'E')) {
        at++;
        at = digits(at + (*at == '+' || *at == '-' ? 1 : 0));
    }
    return at;
}

static place members(place at, char last, bool keyed) {
    if (*at == (unsigned char)last)
        return at + 1;
    for (;;) {
        if (keyed)
            at = expect(string(at), ":");
        at = at == NULL ? NULL : value(at);
        if (at == NULL)
            return NULL;
        if (*at == (unsigned char)last)
            return at + 1;
        if (*at++ != ',')
            return NULL;
    }
}

static place value(place at) {
    switch (*at) {
    case '{':
        return members(at + 1, '}', true);
    case '[':
        return members(at + 1, ']', false);
    case '"':
        return string(at);
    case 't':
        return expect(at, "true");
    case 'f':
        return expect(at, "false");
    case 'n':
        return expect(at, "null");
    default:
        return number(at);
    }
}

bool well_formed(const char *text) {
    place end = value((place)text);
    return end != NULL && *end == '\0';
}
