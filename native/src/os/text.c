#include "os/text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"

#define LONGEST_LINE 255

struct pending {
    char text[LONGEST_LINE + 1];
    size_t length;
    bool begun;
};

static void end_line(struct pending *line, line_taker take, void *context) {
    line->text[line->length] = '\0';
    take(context, line->text);
    line->length = 0;
    line->begun = false;
}

static void split(struct pending *line, const char *bytes, size_t count, line_taker take, void *context) {
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            end_line(line, take, context);
            continue;
        }
        line->begun = true;
        if (line->length < LONGEST_LINE)
            line->text[line->length++] = bytes[i];
    }
}

static bool wait_until(int descriptor, double deadline_ms) {
    if (deadline_ms < 0)
        return true;
    for (;;) {
        double left = deadline_ms - clock_ms();
        struct pollfd asked = {.fd = descriptor, .events = POLLIN};
        int ready = left > 0 ? poll(&asked, 1, (int)left + 1) : 0;
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

bool lines_from(int descriptor, double deadline_ms, line_taker take, void *context) {
    struct pending line = {.length = 0};
    char bytes[1024];
    for (;;) {
        if (!wait_until(descriptor, deadline_ms))
            return false;
        ssize_t got = read(descriptor, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        split(&line, bytes, (size_t)got, take, context);
    }
    if (line.begun)
        end_line(&line, take, context);
    return true;
}

bool lines_of(const char *path, line_taker take, void *context) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    bool done = lines_from(descriptor, -1, take, context);
    close(descriptor);
    return done;
}

struct first {
    char *text;
    size_t size;
    bool found;
};

static void keep_first(void *context, const char *line) {
    struct first *first = context;
    size_t length = strlen(line);
    if (first->found || length >= first->size)
        return;
    memcpy(first->text, line, length + 1);
    first->found = true;
}

bool first_line(const char *path, char *line, size_t size) {
    struct first first = {.text = line, .size = size};
    return lines_of(path, keep_first, &first) && first.found;
}

bool path_exists(const char *path) {
    return access(path, F_OK) == 0;
}

bool number_whole(const char *text, long low, long high, long *value) {
    char *end = NULL;
    errno = 0;
    *value = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value >= low && *value <= high;
}

bool number_real(const char *text, double *value) {
    char *end = NULL;
    errno = 0;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value);
}
