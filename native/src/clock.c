#include "clock.h"

#include <stdint.h>
#include <time.h>

#define READINGS 4096

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

double clock_ms(void) {
    return (double)nanoseconds() / 1e6;
}

struct clock_facts clock_observe(void) {
    int64_t first = nanoseconds();
    int64_t previous = first;
    int64_t smallest = INT64_MAX;
    for (int i = 0; i < READINGS; i++) {
        int64_t now = nanoseconds();
        if (now > previous && now - previous < smallest)
            smallest = now - previous;
        previous = now;
    }
    return (struct clock_facts){
        .resolution_ms = (double)smallest / 1e6,
        .cost_ms = (double)(previous - first) / READINGS / 1e6,
    };
}
