/* The clock that times every stage, and the cost of a stage as the system counts it for the process. */
#ifndef MOBILEBENCH_CLOCK_H
#define MOBILEBENCH_CLOCK_H

#include <stdbool.h>

/* Returns the milliseconds of the monotonic clock. */
double clock_ms(void);

struct clock_facts {
    /* Smallest step seen between two different readings. */
    double resolution_ms;
    /* Mean time of one reading in the fastest batch of readings. */
    double cost_ms;
};

struct clock_facts clock_observe(void);

struct cost {
    bool known;
    double user_ms;
    double system_ms;
    long minor_faults;
    long major_faults;
    long voluntary_switches;
    long involuntary_switches;
};

/* Returns the cost since the process began. */
struct cost cost_now(void);

/* Returns the cost since an earlier reading. */
struct cost cost_since(const struct cost *before);

#endif
