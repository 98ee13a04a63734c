#include "clock.h"

#include <stdint.h>
#include <time.h>

/* Of several batches the quickest tells what a reading costs: an interruption lengthens only its own. */
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
