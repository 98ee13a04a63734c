/* What the system counts for the whole process. */
#ifndef MOBILEBENCH_COST_H
#define MOBILEBENCH_COST_H

#include <stdbool.h>

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
