/* The clock that everything is measured with. */
#ifndef MOBILEBENCH_CLOCK_H
#define MOBILEBENCH_CLOCK_H

/* Milliseconds of the monotonic clock. */
double clock_ms(void);

struct clock_facts {
    /* Smallest step seen between two different readings. */
    double resolution_ms;
    /* Mean time of one reading, of the quickest batch of readings. */
    double cost_ms;
};

struct clock_facts clock_observe(void);

#endif
