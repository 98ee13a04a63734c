#include "os/cores.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "os/text.h"

#define WORD_BITS (8 * sizeof(unsigned long))
#define ALIKE 1.05

static void add(struct cores *cores, int core) {
    cores->bits[(size_t)core / WORD_BITS] |= 1UL << ((size_t)core % WORD_BITS);
}

bool cores_has(const struct cores *cores, int core) {
    return cores->bits[(size_t)core / WORD_BITS] >> ((size_t)core % WORD_BITS) & 1UL;
}

bool cores_same(const struct cores *left, const struct cores *right) {
    return memcmp(left, right, sizeof *left) == 0;
}

static int hex_digit(char digit) {
    static const char digits[] = "0123456789abcdef";
    const char *found = digit == '\0' ? NULL : strchr(digits, digit | 0x20);
    return found == NULL ? -1 : (int)(found - digits);
}

bool cores_of_mask(const char *text, struct cores *cores) {
    *cores = (struct cores){0};
    size_t length = strlen(text);
    if (length < 3 || length > 2 + MAX_CORES / 4 || text[0] != '0' || text[1] != 'x')
        return false;
    bool any = false;
    for (size_t place = 0; place < length - 2; place++) {
        int digit = hex_digit(text[length - 1 - place]);
        if (digit < 0)
            return false;
        for (int bit = 0; bit < 4; bit++) {
            if (digit >> bit & 1)
                add(cores, (int)place * 4 + bit);
        }
        any = any || digit > 0;
    }
    return any;
}

/* Returns the number in a core's file, or `other` where there is no such file. */
static long number_in(const char *root, int core, const char *file, long other) {
    char path[256];
    char text[32];
    long number = 0;
    snprintf(path, sizeof path, "%s/cpu%d/%s", root, core, file);
    return first_line(path, text, sizeof text) && number_whole(text, 0, 0x7fffffff, &number) ? number : other;
}

/* Reads the speed of every core from a file of its own, 0 for a core that is off. Returns the number of cores; 0 when a
 * core that is on has no such file. */
static int read_speeds(const char *root, const char *file, long speeds[MAX_CORES]) {
    char path[256];
    bool any = false;
    for (int core = 0; core < MAX_CORES; core++) {
        snprintf(path, sizeof path, "%s/cpu%d", root, core);
        if (!path_exists(path))
            return any ? core : 0;
        speeds[core] = number_in(root, core, "online", 1) == 0 ? 0 : number_in(root, core, file, -1);
        if (speeds[core] < 0)
            return 0;
        any = any || speeds[core] > 0;
    }
    return MAX_CORES;
}

/* Returns the slowest speed of the next faster kind; -1 when `speed` is of the fastest kind. */
static long next_kind(const long *speeds, int count, long speed) {
    long next = -1;
    for (int core = 0; core < count; core++) {
        if ((double)speeds[core] >= (double)speed * ALIKE && (next < 0 || speeds[core] < next))
            next = speeds[core];
    }
    return next;
}

static long slowest(const long *speeds, int count) {
    long found = 0;
    for (int core = 0; core < count; core++) {
        if (speeds[core] > 0 && (found == 0 || speeds[core] < found))
            found = speeds[core];
    }
    return found;
}

struct kinds {
    int count;
    /* The slowest speed of the second slowest and of the fastest kind. */
    long second;
    long fastest;
};

static struct kinds tell_apart(const long *speeds, int count) {
    long low = slowest(speeds, count);
    struct kinds kinds = {.count = 1, .second = -1, .fastest = low};
    for (long next = next_kind(speeds, count, low); next > 0; next = next_kind(speeds, count, next)) {
        kinds.second = kinds.count == 1 ? next : kinds.second;
        kinds.fastest = next;
        kinds.count++;
    }
    return kinds;
}

bool cores_named(const char *root, const char *name, struct cores *cores, struct problem *problem) {
    long speeds[MAX_CORES];
    int count = read_speeds(root, "cpu_capacity", speeds);
    if (count == 0)
        count = read_speeds(root, "cpufreq/cpuinfo_max_freq", speeds);
    if (count == 0)
        return fail(problem, OUTCOME_UNSUPPORTED, "affinity %s: this system does not report the speed of its cores",
                    name);
    struct kinds kinds = tell_apart(speeds, count);
    if (kinds.count == 1)
        return fail(problem, OUTCOME_UNSUPPORTED, "affinity %s: all cores are alike", name);
    bool prime = strcmp(name, "prime") == 0;
    if (prime && kinds.count == 2)
        return fail(problem, OUTCOME_UNSUPPORTED, "affinity prime: there are only two kinds of cores, little and big");
    *cores = (struct cores){0};
    for (int core = 0; core < count; core++) {
        bool is_little = speeds[core] < kinds.second;
        bool is_prime = kinds.count > 2 && speeds[core] >= kinds.fastest;
        if (speeds[core] == 0)
            continue;
        if (prime ? is_prime : strcmp(name, "little") == 0 ? is_little : !is_little && !is_prime)
            add(cores, core);
    }
    return true;
}

bool cores_restrict(const struct cores *cores, const char *name, struct problem *problem) {
    if (sched_setaffinity(0, sizeof *cores, (const cpu_set_t *)cores->bits) == 0)
        return true;
    return fail(problem, OUTCOME_UNSUPPORTED, "affinity %s: the system does not give these cores: %s", name,
                strerror(errno));
}

bool cores_of_thread(int thread, struct cores *cores) {
    *cores = (struct cores){0};
    return sched_getaffinity(thread, sizeof *cores, (cpu_set_t *)cores->bits) == 0;
}
