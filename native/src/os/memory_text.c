#include "os/memory_text.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/text.h"

#define LARGEST_KB 0x3fffffffL

long memory_field(const char *line, const char *label) {
    while (*line == ' ')
        line++;
    size_t length = strlen(label);
    if (strncmp(line, label, length) != 0 || line[length] != ':')
        return -1;
    const char *number = line + length + 1;
    while (*number == ' ' || *number == '\t')
        number++;
    if (!isdigit((unsigned char)*number))
        return -1;
    long value = strtol(number, NULL, 10);
    return value > LARGEST_KB ? -1 : value;
}

struct sums {
    bool any;
    long rss;
    long pss;
    long clean;
    long dirty;
    long anonymous;
};

static void add_line(void *context, const char *line) {
    struct sums *sums = context;
    struct {
        const char *label;
        long *sum;
    } fields[] = {{"Rss", &sums->rss},
                  {"Pss", &sums->pss},
                  {"Private_Clean", &sums->clean},
                  {"Private_Dirty", &sums->dirty},
                  {"Anonymous", &sums->anonymous}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        long value = memory_field(line, fields[i].label);
        if (value < 0 || *fields[i].sum > LARGEST_KB - value)
            continue;
        *fields[i].sum += value;
        sums->any = true;
    }
}

static bool read_maps(const char *path, struct memory_facts *facts) {
    struct sums sums = {.any = false};
    if (!lines_of(path, add_line, &sums) || !sums.any)
        return false;
    *facts = (struct memory_facts){
        .rss_kb = sums.rss,
        .pss_kb = sums.pss,
        .uss_kb = sums.clean + sums.dirty,
        .anonymous_kb = sums.anonymous,
        .file_kb = sums.rss > sums.anonymous ? sums.rss - sums.anonymous : 0,
    };
    return true;
}

/* statm holds the numbers of total, resident and shared pages. */
static bool read_statm(const char *path, struct memory_facts *facts) {
    char line[128];
    char *end = NULL;
    if (!first_line(path, line, sizeof line))
        return false;
    strtol(line, &end, 10);
    long page_kb = sysconf(_SC_PAGESIZE) / 1024;
    long resident = strtol(end, &end, 10);
    long shared = strtol(end, &end, 10);
    if (resident <= 0 || shared < 0 || shared > resident || resident > LARGEST_KB / page_kb)
        return false;
    *facts = (struct memory_facts){
        .rss_kb = resident * page_kb,
        .pss_kb = -1,
        .uss_kb = -1,
        .anonymous_kb = (resident - shared) * page_kb,
        .file_kb = shared * page_kb,
    };
    return true;
}

const char *memory_facts_read(const char *folder, struct memory_facts *facts) {
    static const struct {
        const char *name;
        bool (*read)(const char *path, struct memory_facts *facts);
    } sources[] = {{"smaps_rollup", read_maps}, {"smaps", read_maps}, {"statm", read_statm}};
    char path[256];
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, sources[i].name);
        if (sources[i].read(path, facts))
            return sources[i].name;
    }
    *facts = (struct memory_facts){-1, -1, -1, -1, -1};
    return NULL;
}

static void keep_peak(void *context, const char *line) {
    long *peak = context;
    long value = memory_field(line, "VmHWM");
    if (value >= 0)
        *peak = value;
}

long memory_peak_kb(const char *folder) {
    char path[256];
    long peak = -1;
    snprintf(path, sizeof path, "%s/status", folder);
    lines_of(path, keep_peak, &peak);
    return peak;
}
