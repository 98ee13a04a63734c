#include "os/clock.h"

#include <stdint.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

/* The fastest of several batches shows the cost of a reading, because an interruption lengthens only one batch. */
#define BATCHES 8
#define READINGS 512

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

double clock_ms(void) {
    return (double)nanoseconds() / 1e6;
}

struct clock_facts clock_observe(void) {
    int64_t smallest = INT64_MAX;
    int64_t quickest = INT64_MAX;
    for (int batch = 0; batch < BATCHES; batch++) {
        int64_t first = nanoseconds();
        int64_t previous = first;
        for (int i = 0; i < READINGS; i++) {
            int64_t now = nanoseconds();
            if (now > previous && now - previous < smallest)
                smallest = now - previous;
            previous = now;
        }
        if (previous - first < quickest)
            quickest = previous - first;
    }
    return (struct clock_facts){
        .resolution_ms = (double)smallest / 1e6,
        .cost_ms = (double)quickest / READINGS / 1e6,
    };
}

static double milliseconds(const struct timeval *time) {
    return (double)time->tv_sec * 1e3 + (double)time->tv_usec / 1e3;
}

struct cost cost_now(void) {
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0)
        return (struct cost){0};
    return (struct cost){
        .known = true,
        .user_ms = milliseconds(&used.ru_utime),
        .system_ms = milliseconds(&used.ru_stime),
        .minor_faults = used.ru_minflt,
        .major_faults = used.ru_majflt,
        .voluntary_switches = used.ru_nvcsw,
        .involuntary_switches = used.ru_nivcsw,
    };
}

/* The system estimates user and system time anew at each reading, so a small time may seem to decrease. */
static double not_below_zero(double time) {
    return time > 0 ? time : 0;
}

struct cost cost_since(const struct cost *before) {
    struct cost now = cost_now();
    return (struct cost){
        .known = before->known && now.known,
        .user_ms = not_below_zero(now.user_ms - before->user_ms),
        .system_ms = not_below_zero(now.system_ms - before->system_ms),
        .minor_faults = now.minor_faults - before->minor_faults,
        .major_faults = now.major_faults - before->major_faults,
        .voluntary_switches = now.voluntary_switches - before->voluntary_switches,
        .involuntary_switches = now.involuntary_switches - before->involuntary_switches,
    };
}
