/* The clock that times every stage, and what the system counts for the process meanwhile. */
#ifndef MOBILEBENCH_CLOCK_H
#define MOBILEBENCH_CLOCK_H

#include <stdbool.h>

/* Milliseconds of the monotonic clock. */
double clock_ms(void);

struct clock_facts {
    /* Smallest step seen between two different readings. */
    double resolution_ms;
    /* Mean time of one reading, of the quickest batch of readings. */
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

/* Since the process began. */
struct cost cost_now(void);

/* What came between two readings. */
struct cost cost_since(const struct cost *before);

#endif
